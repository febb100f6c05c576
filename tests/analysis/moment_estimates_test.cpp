#include "diffarch/analysis/moment_estimates.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::real;

/// Independent exponential values of rate 1: mean 1, variance 1, skewness 2, excess kurtosis 6.
Matrix<double> exponential_values(Index rows, Index columns, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::exponential_distribution<double> exponential;
  Matrix<double> values(rows, columns);
  for (Index j = 0; j < columns; ++j)
    for (Index i = 0; i < rows; ++i) values(i, j) = exponential(engine);
  return values;
}

TEST_CASE("Moments of a small sample by hand", "[analysis]") {
  // Of 2, 4, 7, 1, 9, 4: SciPy 1.10, stats.skew and stats.kurtosis with bias=False, and numpy.var(ddof=1).
  const Batch<double> samples{{2.0, 4.0, 7.0, 1.0, 9.0, 4.0}};
  const MomentEstimates moments = moment_estimates(samples);
  REQUIRE(moments.mean.value(0) == Approx(4.5).epsilon(1e-14));
  REQUIRE(moments.variance.value(0) == Approx(9.1).epsilon(1e-14));
  REQUIRE(moments.skewness.value(0) == Approx(0.5245663206).epsilon(1e-9));
  REQUIRE(moments.excess_kurtosis.value(0) == Approx(-0.8537616230).epsilon(1e-9));
  // The jackknife of a mean is the usual formula.
  REQUIRE(moments.mean.error(0) == Approx(std::sqrt(9.1 / 6.0)).epsilon(1e-12));
}

TEST_CASE("Errors of moments cover the truth as often as they say", "[analysis]") {
  constexpr Index repetitions = 2000;
  constexpr Index n = 400;
  SECTION("Gaussian") {
    const MomentEstimates moments = moment_estimates((2.0 * random_matrix(repetitions, n, 1).array() + 100.0).matrix());
    const auto covered = [](const Estimate& estimate, double truth) {
      return ((estimate.value.array() - truth).abs() < 1.96 * estimate.error.array()).cast<double>().mean();
    };
    // Of 2000 intervals 95 % +- 0.5 % (one standard deviation); the nominal share itself holds for large n.
    REQUIRE(covered(moments.mean, 100.0) == Approx(0.95).margin(0.025));
    REQUIRE(covered(moments.variance, 4.0) == Approx(0.95).margin(0.025));
    REQUIRE(covered(moments.skewness, 0.0) == Approx(0.95).margin(0.025));
    REQUIRE(covered(moments.excess_kurtosis, 0.0) == Approx(0.93).margin(0.03));
    const auto spread = [](const Estimate& estimate) {
      return std::sqrt((estimate.value.array() - estimate.value.mean()).square().mean());
    };
    // A standard deviation of 2000 values is known to 1.6 %, that of the kurtosis to 2 %.
    REQUIRE(spread(moments.skewness) == Approx(gaussian_skewness_error(n)).epsilon(0.08));
    REQUIRE(spread(moments.excess_kurtosis) == Approx(gaussian_kurtosis_error(n)).epsilon(0.1));
  }
  SECTION("Exponential: unbiased mean and variance, the documented bias of the rest") {
    const MomentEstimates moments = moment_estimates(exponential_values(20000, 100, 2));
    const auto mean_of = [](const Estimate& estimate) { return estimate.value.mean(); };
    REQUIRE(mean_of(moments.mean) == Approx(1.0).margin(4.9 * 0.1 / std::sqrt(20000.0)));
    REQUIRE(mean_of(moments.variance) == Approx(1.0).margin(4.9 * 0.29 / std::sqrt(20000.0)));
    REQUIRE(mean_of(moments.skewness) == Approx(1.82).margin(0.02));
    REQUIRE(mean_of(moments.excess_kurtosis) == Approx(4.4).margin(0.2));
  }
}

TEST_CASE("Covariances have the errors of their elements", "[analysis]") {
  constexpr Index repetitions = 400;
  constexpr Index n = 200;
  const Matrix<double> mix{{1.0, 0.0}, {0.8, 0.6}};  // variances 1, covariance 0.8
  double sum = 0.0;
  double squares = 0.0;
  double stated = 0.0;
  for (unsigned r = 0; r < repetitions; ++r) {
    const CovarianceEstimate estimate = covariance_estimate(mix * random_matrix(2, n, 10 + r));
    sum += estimate.value(0, 1) / repetitions;
    squares += estimate.value(1, 0) * estimate.value(1, 0) / repetitions;
    stated += estimate.error(0, 1) / repetitions;
  }
  // Of a Gaussian: var c_12 = (1 + 0.8^2) / (n - 1).
  const double exact = std::sqrt(1.64 / real(n - 1));
  REQUIRE(sum == Approx(0.8).margin(4.9 * exact / std::sqrt(real(repetitions))));
  REQUIRE(std::sqrt(squares - sum * sum) == Approx(exact).epsilon(0.2));
  REQUIRE(stated == Approx(exact).epsilon(0.03));
}

TEST_CASE("Moment estimates say what is wrong", "[analysis]") {
  REQUIRE(message_of<InvalidArgument>([] { return moment_estimates(random_matrix(2, 4, 1)); }) ==
          "moment_estimates: 4 samples; expected at least 5");
  Batch<double> broken = random_matrix(2, 8, 1);
  broken(0, 3) = std::numeric_limits<double>::infinity();
  REQUIRE(message_of<InvalidArgument>([&] { return moment_estimates(broken); }) ==
          "moment_estimates: sample 3 has a value that is NaN, infinite or too large to square");
  REQUIRE(message_of<InvalidArgument>([&] { return covariance_estimate(broken); }) ==
          "covariance_estimate: sample 3 has a value that is NaN, infinite or too large to square");
  const MomentEstimates constant = moment_estimates(Batch<float>::Constant(1, 6, 3.0F));
  REQUIRE(constant.variance.value(0) == 0.0);
  REQUIRE(std::isnan(constant.skewness.value(0)));
}

}  // namespace
}  // namespace diffarch
