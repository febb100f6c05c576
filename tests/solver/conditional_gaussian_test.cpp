#include "diffarch/solver/conditional_gaussian.hpp"

#include <Eigen/LU>
#include <cmath>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::relative_difference;

Matrix<double> covariance_of_rank(Index d, Index rank, unsigned seed) {
  const Matrix<double> factor = random_matrix(d, rank, seed);
  return factor * factor.transpose();
}

TEST_CASE("Conditioning a Gaussian adds precisions", "[solver]") {
  // The other formula: Cov^-1 = C^-1 + H^T H / s^2, and mean = Cov (C^-1 mean + H^T m / s^2).
  const Matrix<double> c = covariance_of_rank(6, 8, 1);
  for (const Index k : {Index{1}, Index{4}, Index{9}}) {
    const Matrix<double> h = random_matrix(k, 6, 2);
    for (const double s : {0.1, 1.0, 30.0}) {
      const ConditionalGaussian<double> result = condition_gaussian(c, h, s);
      const Matrix<double> covariance = (c.inverse() + h.transpose() * h / (s * s)).inverse();
      REQUIRE(relative_difference(result.covariance, covariance) < 1e-10);
      REQUIRE(relative_difference(result.gain, Matrix<double>(covariance * h.transpose() / (s * s))) < 1e-10);
      const Matrix<double> of_numbers = h * c * h.transpose() + s * s * Matrix<double>::Identity(k, k);
      REQUIRE(relative_difference(Matrix<double>(result.factor * result.factor.transpose()), of_numbers) < 1e-13);
    }
  }
}

TEST_CASE("Exact numbers leave the Schur complement, and nothing along what they say", "[solver]") {
  const Matrix<double> c = covariance_of_rank(7, 5, 3);  // singular
  const Matrix<double> h = random_matrix(3, 7, 4);
  const ConditionalGaussian<double> result = condition_gaussian(c, h, 0.0);
  const Matrix<double> inverse = (h * c * h.transpose()).inverse();
  REQUIRE(relative_difference(result.gain, Matrix<double>(c * h.transpose() * inverse)) < 1e-11);
  REQUIRE(relative_difference(result.covariance, Matrix<double>(c - c * h.transpose() * inverse * h * c)) < 1e-11);
  REQUIRE((h * result.covariance * h.transpose()).cwiseAbs().maxCoeff() < 1e-13);
  REQUIRE(relative_difference(Matrix<double>(h * result.gain), Matrix<double>(Matrix<double>::Identity(3, 3))) < 1e-12);
}

TEST_CASE("The covariance of almost exact numbers stays positive", "[solver]") {
  const Matrix<double> c = covariance_of_rank(5, 5, 5);
  const double s = 1e-9;
  const ConditionalGaussian<double> result = condition_gaussian(c, Matrix<double>(Matrix<double>::Identity(5, 5)), s);
  // Five numbers of five: what is left is the noise, s^2 I.
  REQUIRE(relative_difference(result.covariance, Matrix<double>(s * s * Matrix<double>::Identity(5, 5))) < 1e-6);
}

TEST_CASE("Numbers that depend on each other are refused unless there is noise", "[solver]") {
  const Matrix<double> c = covariance_of_rank(6, 2, 6);
  const std::string message =
      " numbers is constant or known from the others; expected numbers of variances of their "
      "own, or a deviation above rounding";
  const auto condition = [&](const Matrix<double>& h, double s) { (void)condition_gaussian(c, h, s); };
  // Three numbers of two modes.
  REQUIRE(message_of<InvalidArgument>([&] { condition(random_matrix(3, 6, 7), 0.0); }) ==
          "measurement: one of the 3" + message);
  REQUIRE(message_of<InvalidArgument>([&] { condition(random_matrix(3, 6, 7), 1e-12); }) ==
          "measurement: one of the 3" + message);
  REQUIRE(message_of<InvalidArgument>([&] { condition(Matrix<double>::Zero(1, 6), 0.0); }) ==
          "measurement: one of the 1" + message);
  REQUIRE_NOTHROW(condition(random_matrix(3, 6, 7), 1e-3));
  REQUIRE_NOTHROW(condition(Matrix<double>::Zero(1, 6), 1e-3));
}

}  // namespace
}  // namespace diffarch
