#include "diffarch/analysis/bures.hpp"

#include <Eigen/LU>
#include <cmath>
#include <limits>

#include "oracles.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::real;

GaussianMoments<double> moments_of(const Vector<double>& mean, const Matrix<double>& covariance) {
  return {mean, covariance};
}

TEST_CASE("Bures distances with closed forms", "[analysis]") {
  SECTION("One dimension: |mu - nu|^2 + (s - t)^2") {
    const double distance = bures_distance(moments_of(Vector<double>{{1.0}}, Matrix<double>{{4.0}}),
                                           moments_of(Vector<double>{{-2.0}}, Matrix<double>{{0.25}}));
    REQUIRE(distance * distance == Approx(9.0 + 1.5 * 1.5).epsilon(1e-14));
  }
  SECTION("Two by two: tr (A^1/2 B A^1/2)^1/2 = sqrt(tr AB + 2 sqrt(det AB))") {
    const Matrix<double> a{{2.0, 0.7}, {0.7, 1.0}};
    const Matrix<double> b{{0.5, -0.2}, {-0.2, 3.0}};
    const Vector<double> mean{{0.0, 0.0}};
    const double trace = std::sqrt((a * b).trace() + 2.0 * std::sqrt(a.determinant() * b.determinant()));
    const double distance = bures_distance(moments_of(mean, a), moments_of(mean, b));
    REQUIRE(distance * distance == Approx(a.trace() + b.trace() - 2.0 * trace).epsilon(1e-13));
  }
  SECTION("One eigenbasis, singular covariances") {
    const Vector<double> a{{4.0, 1.0, 0.0, 0.0}};
    const Vector<double> b{{1.0, 9.0, 0.25, 0.0}};
    const Matrix<double> u = test::jacobi_svd(random_matrix(4, 4, 1)).u;
    const Vector<double> mean = random_matrix(4, 1, 2).col(0);
    const double expected = std::sqrt(1.0 + 4.0 + 0.25);
    REQUIRE(bures_distance_of_spectra(a, b) == Approx(expected).epsilon(1e-14));
    REQUIRE(bures_distance(factored_gaussian(mean, u, a), factored_gaussian(mean, u, b)) ==
            Approx(expected).epsilon(1e-13));
    REQUIRE(bures_distance(moments_of(mean, u * a.asDiagonal() * u.transpose()),
                           moments_of(mean, u * b.asDiagonal() * u.transpose())) == Approx(expected).epsilon(1e-7));
  }
}

TEST_CASE("The Bures distance does not depend on the factor, and is zero between equals", "[analysis]") {
  const Matrix<double> factor = random_matrix(50, 6, 3);
  const Matrix<double> rotation = test::jacobi_svd(random_matrix(6, 6, 4)).u;
  const FactoredGaussian<double> a{random_matrix(50, 1, 5).col(0), factor};
  const FactoredGaussian<double> turned{a.mean, factor * rotation};
  REQUIRE(bures_distance(a, turned) < 1e-6);
  const FactoredGaussian<double> other{random_matrix(50, 1, 6).col(0), random_matrix(50, 9, 7)};
  REQUIRE(bures_distance(turned, other) == Approx(bures_distance(a, other)).epsilon(1e-12));
  REQUIRE(bures_distance(other, a) == Approx(bures_distance(a, other)).epsilon(1e-12));
}

TEST_CASE("Samples as factors have the distance of their moments", "[analysis]") {
  const Batch<double> x = test::correlated_samples(5, 40, 8);
  const Batch<double> y = random_matrix(5, 30, 9);
  const auto moments = [](const Batch<double>& samples) {
    return GaussianMoments<double>(sample_mean(samples), sample_covariance(samples));
  };
  REQUIRE(bures_distance(factored_gaussian(x), factored_gaussian(y)) ==
          Approx(bures_distance(moments(x), moments(y))).epsilon(1e-10));
  REQUIRE(bures_distance(factored_gaussian(x.cast<float>()), factored_gaussian(y)) ==
          Approx(bures_distance(moments(x), moments(y))).epsilon(1e-5));
}

TEST_CASE("Of samples of the very Gaussian, the squared distance is what its bias says", "[analysis]") {
  const Vector<double> variances{{4.0, 1.0, 0.5, 0.1}};
  const Matrix<double> basis = Matrix<double>::Identity(4, 4);
  const FactoredGaussian<double> truth = factored_gaussian<double>(Vector<double>::Zero(4), basis, variances);
  constexpr Index n = 200;
  constexpr Index repetitions = 400;
  double sum = 0.0;
  double squares = 0.0;
  for (unsigned r = 0; r < repetitions; ++r) {
    const Batch<double> samples = variances.cwiseSqrt().asDiagonal() * random_matrix(4, n, 100 + r);
    const double distance = bures_distance(factored_gaussian(samples), truth);
    sum += distance * distance / repetitions;
    squares += std::pow(distance, 4) / repetitions;
  }
  const double expected = expected_bures_distance_squared(variances, n);
  const double error = std::sqrt((squares - sum * sum) / real(repetitions));
  REQUIRE(error < 0.05 * expected);
  REQUIRE(std::abs(sum - expected) < 4.9 * error + 0.02 * expected);  // the expansion is to first order in 1 / n
}

TEST_CASE("Bures distances say what is wrong", "[analysis]") {
  const FactoredGaussian<double> a{Vector<double>::Zero(3), Matrix<double>::Zero(3, 2)};
  const FactoredGaussian<double> b{Vector<double>::Zero(4), Matrix<double>::Zero(4, 2)};
  REQUIRE(message_of<DimensionMismatch>([&] { return bures_distance(a, b); }) ==
          "bures_distance: means (3) and (4), factors (3, 2) and (4, 2)");
  REQUIRE(message_of<InvalidArgument>([] {
            return factored_gaussian<double>(Vector<double>::Zero(2), Matrix<double>::Identity(2, 2),
                                             Vector<double>{{1.0, -0.5}});
          }) == "factored_gaussian: variance 1 is -0.5; expected at least 0");
  Batch<double> broken = random_matrix(2, 3, 1);
  broken(1, 1) = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(message_of<InvalidArgument>([&] { return factored_gaussian(broken); }) ==
          "factored_gaussian: sample 1 has a value that is NaN, infinite or too large to square");
  const Vector<double> mean{{0.0, 0.0}};
  REQUIRE_THROWS_AS(bures_distance(moments_of(mean, Matrix<double>{{1.0, 2.0}, {2.0, 1.0}}),
                                   moments_of(mean, Matrix<double>::Identity(2, 2))),
                    InvalidArgument);
}

}  // namespace
}  // namespace diffarch
