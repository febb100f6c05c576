#include "diffarch/solver/gaussian_moments.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;

TEST_CASE("Gaussian moments keep what they are given", "[solver]") {
  const Vector<double> mean = test::random_matrix(3, 1, 1);
  const Matrix<double> root = test::random_matrix(3, 3, 2);
  const Matrix<double> covariance = root * root.transpose();
  const GaussianMoments<double> moments(mean, covariance);
  REQUIRE(test::bitwise_equal(moments.mean(), mean));
  REQUIRE(test::bitwise_equal(moments.covariance(), covariance));
}

TEST_CASE("Gaussian moments of unequal dimensions are refused with both", "[solver]") {
  REQUIRE(message_of<DimensionMismatch>([] {
            return GaussianMoments<float>(Vector<float>::Zero(2), Matrix<float>::Zero(3, 3));
          }) == "GaussianMoments: the mean has dimension 2 but the covariance is (3, 3)");
  REQUIRE_THAT(message_of<DimensionMismatch>(
                   [] { return GaussianMoments<float>(Vector<float>::Zero(2), Matrix<float>::Zero(2, 3)); }),
               ContainsSubstring("(2, 3)"));
}

TEST_CASE("Gaussian moments that are empty, not finite or not symmetric are refused", "[solver]") {
  const auto refusal = [](const Vector<double>& mean, const Matrix<double>& covariance) {
    return message_of<InvalidArgument>([&] { return GaussianMoments<double>(mean, covariance); });
  };
  const Vector<double> mean = Vector<double>::Zero(2);
  Matrix<double> covariance = Matrix<double>::Identity(2, 2);
  REQUIRE_THAT(refusal(Vector<double>::Zero(0), Matrix<double>::Zero(0, 0)), ContainsSubstring("at least one dim"));
  REQUIRE_THAT(refusal(Vector<double>::Constant(2, std::nan("")), covariance), ContainsSubstring("finite moments"));
  covariance(0, 1) = covariance(1, 0) = std::numeric_limits<double>::infinity();
  REQUIRE_THAT(refusal(mean, covariance), ContainsSubstring("finite moments"));
  covariance << 1.0, 0.1, 0.2, 1.0;
  REQUIRE(refusal(mean, covariance) == "GaussianMoments: the covariance is not symmetric");
  covariance << 1.0, 0.1, 0.1 + 1e-16, 1.0;  // symmetric to rounding
  REQUIRE(refusal(mean, covariance) == "no exception");
}

}  // namespace
}  // namespace diffarch
