#pragma once

#include "diffarch/analysis/pairwise_distances.hpp"

namespace diffarch {

/// Energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| of two sets of samples (d, n) and (d, m) in double, by its
/// unbiased U-statistic: zero on average when both are drawn from one distribution (and then negative as often as
/// positive), and positive when they are not (Szekely and Rizzo 2013). Cost O(d n m). Throws DimensionMismatch;
/// InvalidArgument for fewer than two samples.
template <class X, class Y>
[[nodiscard]] double energy_distance(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) {
  detail::require<DimensionMismatch>(x.rows() == y.rows(), "energy_distance: samples ", detail::shape_text(x), " and ",
                                     detail::shape_text(y));
  detail::require(x.cols() >= 2 && y.cols() >= 2, "energy_distance: ", x.cols(), " and ", y.cols(),
                  " samples; expected at least two of each");
  const auto n = static_cast<double>(x.cols());
  const auto m = static_cast<double>(y.cols());
  // |x_i - x_i| is zero up to rounding of the squares: keep those out of the sums by hand.
  const auto within = [](const auto& a, double count) {
    double sum = 0.0;
    for (Index i = 0; i < a.cols(); ++i)
      for (Index j = 0; j < i; ++j) sum += 2.0 * (a.col(i) - a.col(j)).norm();
    return sum / (count * (count - 1.0));
  };
  return 2.0 * detail::squared_distances(x, y).cwiseSqrt().sum() / (n * m) - within(x, n) - within(y, m);
}

}  // namespace diffarch
