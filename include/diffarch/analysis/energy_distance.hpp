#pragma once

#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/analysis/pairwise_distances.hpp"

namespace diffarch {

namespace detail {

template <class Scalar>
[[nodiscard]] double energy_distance(const Batch<Scalar>& x, const Batch<Scalar>& y, const ProgressCallback& callback) {
  require<DimensionMismatch>(x.rows() == y.rows(), "energy_distance: samples ", shape_text(x), " and ", shape_text(y));
  require(x.cols() >= 2 && y.cols() >= 2, "energy_distance: ", x.cols(), " and ", y.cols(),
          " samples; expected at least two of each");
  require_finite_samples("energy_distance", "sample of x", x);
  require_finite_samples("energy_distance", "sample of y", y);
  const auto n = static_cast<double>(x.cols());
  const auto m = static_cast<double>(y.cols());
  ProgressReporter progress(callback, "energy distance", 2 * y.cols() + x.cols());
  const double between = sum_of_distances(x, y, Pairs::all, progress);
  const double within_x = sum_of_distances(x, x, Pairs::below, progress);
  const double within_y = sum_of_distances(y, y, Pairs::below, progress);
  return 2.0 * (between / (n * m) - within_x / (n * (n - 1.0)) - within_y / (m * (m - 1.0)));
}

}  // namespace detail

/// Energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| of two sets of samples (d, n) and (d, m) in double, by its
/// unbiased U-statistic: zero on average when both are drawn from one distribution (and then negative as often as
/// positive), and positive when they are not (Szekely and Rizzo 2013). An offset of both sets changes nothing but the
/// rounding of the samples themselves. Cost O(d (n + m)^2). Throws DimensionMismatch; InvalidArgument for fewer than
/// two samples, or naming one that is not finite.
template <Samples X, SamplesOf<typename X::Scalar> Y>
[[nodiscard]] double energy_distance(const X& x, const Y& y, const ProgressCallback& progress = {}) {
  return detail::energy_distance(as_batch(x), as_batch(y), progress);
}

}  // namespace diffarch
