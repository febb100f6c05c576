#include "diffarch/analysis/bootstrap.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using test::random_matrix;
using test::real;

const auto mean_of_values = [](const Vector<double>& values) { return values.mean(); };

TEST_CASE("Quantiles interpolate like NumPy's", "[analysis]") {
  // numpy.percentile([1, 2, 4, 8, 16], [0, 10, 25, 60, 97.5, 100])
  const std::vector<double> ordered{1.0, 2.0, 4.0, 8.0, 16.0};
  const std::vector<std::pair<double, double>> expected{{0.0, 1.0}, {0.1, 1.4},    {0.25, 2.0},
                                                        {0.6, 5.6}, {0.975, 15.2}, {1.0, 16.0}};
  for (const auto& [level, value] : expected) CHECK(quantile_of_ordered(ordered, level) == Approx(value));
  CHECK(quantile_of_ordered({3.0}, 0.7) == 3.0);
  CHECK_THROWS_AS(quantile_of_ordered({}, 0.5), InvalidArgument);
}

TEST_CASE("The bootstrap of a mean has the standard error of the mean", "[analysis]") {
  const Index n = 400;
  const Vector<double> values = random_matrix(n, 1, 1);
  const double sigma = std::sqrt((values.array() - values.mean()).square().mean() / real(n));
  // A quantile of 20000 resamples has a standard error of 0.019 sigma (sqrt(p (1 - p) / B) / density); 4 of them, and
  // the skewness of the values, 1 / (6 sqrt(n)) times their own at most.
  const Interval interval = bootstrap_interval(values, mean_of_values, {.resamples = 20000});
  CHECK(std::abs((interval.upper - values.mean()) / sigma - 1.96) < 0.09);
  CHECK(std::abs((values.mean() - interval.lower) / sigma - 1.96) < 0.09);
  const Interval half = bootstrap_interval(values, mean_of_values, {.resamples = 20000, .confidence = 0.5});
  CHECK(std::abs((half.upper - half.lower) / sigma - 2.0 * 0.6745) < 0.06);
}

TEST_CASE("The bootstrap interval of a mean covers it as often as it should", "[analysis]") {
  // For 40 normal values the interval is nearly mean +- 1.96 s sqrt(39 / 40) / sqrt(40), which covers 0 with
  // P(|t_39| < 1.935) = 0.940. 1000 sets: a standard deviation of 0.0075; 4 of them.
  Index covered = 0;
  const Matrix<double> sets = random_matrix(40, 1000, 2);
  for (Index i = 0; i < 1000; ++i)
    covered +=
        bootstrap_interval(sets.col(i), mean_of_values, {.resamples = 400, .seed = Seed{static_cast<std::uint64_t>(i)}})
                .contains(0.0)
            ? 1
            : 0;
  CHECK(std::abs(real(covered) / 1000.0 - 0.937) < 0.033);
}

TEST_CASE("Resamples are drawn from the values, by the seed alone", "[analysis]") {
  const Vector<double> values{{1.0, 2.0, 4.0}};
  const auto all_there = [](const Vector<double>& resample) {
    for (const double value : resample)
      if (value != 1.0 && value != 2.0 && value != 4.0) return 0.0;
    return 1.0;
  };
  const Interval ones = bootstrap_interval(values, all_there);
  CHECK(ones.lower == 1.0);
  CHECK(ones.upper == 1.0);
  // The least of three values is 1 with probability 1 - (2/3)^3 and 4 with (1/3)^3 = 0.037 > 0.025.
  const Interval least = bootstrap_interval(values, [](const Vector<double>& resample) { return resample.minCoeff(); });
  CHECK(least.lower == 1.0);
  CHECK(least.upper == 4.0);

  const Vector<double> many = random_matrix(500, 1, 3);
  const auto interval_of = [&](int threads, std::uint64_t seed) {
    const test::ThreadCount scope(threads);
    return bootstrap_interval(many, mean_of_values, {.seed = Seed{seed}});
  };
  CHECK(interval_of(1, 5).lower == interval_of(3, 5).lower);
  CHECK(interval_of(1, 5).upper == interval_of(3, 5).upper);
  CHECK(interval_of(1, 5).lower != interval_of(1, 6).lower);
  const Interval point = bootstrap_interval(Vector<double>::Constant(7, 2.5), mean_of_values);
  CHECK(point.lower == 2.5);
  CHECK(point.upper == 2.5);
}

TEST_CASE("The bootstrap refuses values and options that mean nothing", "[analysis]") {
  const Vector<double> values{{1.0, 2.0, std::nan("")}};
  CHECK(test::message_of<InvalidArgument>([&] { return bootstrap_interval(values, mean_of_values); }) ==
        "bootstrap_interval: value 2 is nan");
  CHECK(test::message_of<InvalidArgument>([&] { return bootstrap_interval(Vector<double>(), mean_of_values); }) ==
        "bootstrap_interval: no values");
  const Vector<double> good = values.head(2);
  CHECK_THROWS_AS(bootstrap_interval(good, mean_of_values, {.resamples = 1}), InvalidArgument);
  CHECK_THROWS_AS(bootstrap_interval(good, mean_of_values, {.confidence = 1.0}), InvalidArgument);
}

}  // namespace
}  // namespace diffarch
