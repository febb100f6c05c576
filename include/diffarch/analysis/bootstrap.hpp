#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "diffarch/analysis/reported_tasks.hpp"
#include "diffarch/core/batch.hpp"
#include "diffarch/core/random.hpp"

namespace diffarch {

/// A confidence interval.
struct Interval {
  double lower = 0.0;
  double upper = 0.0;
  [[nodiscard]] constexpr bool contains(double value) const noexcept { return lower <= value && value <= upper; }
};

/// How a bootstrap interval is made.
struct BootstrapOptions {
  Index resamples = 2000;
  double confidence = 0.95;
  Seed seed = {};
};

/// Quantile of ordered values with linear interpolation: the element at (n - 1) level of 0 ... n - 1 (type 7 of Hyndman
/// and Fan 1996, the default of NumPy and R). 0 <= level <= 1, at least one value.
[[nodiscard]] inline double quantile_of_ordered(const std::vector<double>& ordered, double level) {
  detail::require(!ordered.empty() && level >= 0.0 && level <= 1.0, "quantile_of_ordered: ", ordered.size(),
                  " values, level = ", level, "; expected at least one value and 0 <= level <= 1");
  const double position = level * static_cast<double>(ordered.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, ordered.size() - 1);
  return ordered[below] + (position - static_cast<double>(below)) * (ordered[above] - ordered[below]);
}

/// Percentile bootstrap interval of a statistic of independent values (one for each sample): the statistic of so many
/// resamples with replacement lies in it with the given confidence (Efron and Tibshirani 1993, section 13.3). It covers
/// the true value with about that probability, less for few values: of the mean of 10 normal values 0.90, of 40 0.935.
/// Where all values are alike (a share of 0 or 1, say) the interval is a single point, which says nothing.
/// `statistic` takes a Vector<double> of values.size() values and is called from all threads. Resample b draws value
/// floor(n u(b, i)) with the counter-based u of the seed, whatever the threads. Throws InvalidArgument for no values,
/// or naming one that is not finite; fewer than 2 resamples; confidence outside (0, 1). NumericalError when the
/// statistic of a resample is NaN.
template <class Statistic>
[[nodiscard]] Interval bootstrap_interval(const Vector<double>& values, const Statistic& statistic,
                                          const BootstrapOptions& options = {}, const ProgressCallback& progress = {}) {
  const Index n = values.size();
  detail::require(n >= 1, "bootstrap_interval: no values");
  detail::require(options.resamples >= 2 && options.confidence > 0.0 && options.confidence < 1.0,
                  "bootstrap_interval: ", options.resamples, " resamples, confidence = ", options.confidence,
                  "; expected at least 2 and 0 < confidence < 1");
  for (Index i = 0; i < n; ++i)
    detail::require(std::isfinite(values(i)), "bootstrap_interval: value ", i, " is ", values(i));
  const CounterRandom random(options.seed, streams::bootstrap);
  std::vector<double> statistics(static_cast<std::size_t>(options.resamples));
  ProgressReporter reporter(progress, "bootstrap", options.resamples, "resamples");
  detail::run_reported_tasks(options.resamples, 8 * n, reporter, [&](Index b) {
    Vector<double> resample(n);
    random.uniforms(b, {resample.data(), static_cast<std::size_t>(n)});
    for (Index i = 0; i < n; ++i)
      resample(i) = values(std::min(n - 1, static_cast<Index>(resample(i) * static_cast<double>(n))));
    statistics[static_cast<std::size_t>(b)] = statistic(resample);
  });
  for (std::size_t b = 0; b < statistics.size(); ++b)
    detail::require<NumericalError>(!std::isnan(statistics[b]), "bootstrap_interval: the statistic of resample ", b,
                                    " is NaN");
  std::sort(statistics.begin(), statistics.end());
  const double tail = 0.5 * (1.0 - options.confidence);
  return {quantile_of_ordered(statistics, tail), quantile_of_ordered(statistics, 1.0 - tail)};
}

}  // namespace diffarch
