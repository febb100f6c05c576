#pragma once

#include <cmath>

#include "diffarch/analysis/reported_tasks.hpp"
#include "diffarch/analysis/squared_distance.hpp"

namespace diffarch::detail {

/// |x_i - y_j| of all pairs of columns of x (d, n) and y (d, m), (n, m), in double. Every pair is measured by its
/// differences: data far from the origin lose no digits, which |x|^2 - 2 x.y + |y|^2 would. Cost O(d n m).
template <class Scalar>
[[nodiscard]] Matrix<double> pairwise_distances(const Batch<Scalar>& x, const Batch<Scalar>& y,
                                                ProgressReporter& progress) {
  Matrix<double> distances(x.cols(), y.cols());
  run_reported_tasks(y.cols(), 2 * x.size(), progress, [&](Index j) {
    const Vector<double> other = y.col(j).template cast<double>();
    for (Index i = 0; i < x.cols(); ++i)
      distances(i, j) = std::sqrt(squared_distance(x.col(i).data(), other.data(), x.rows()));
  });
  return distances;
}

enum class Pairs {
  all,   ///< x_i and y_j for all i and j
  below  ///< i < j only, where y is x
};

/// Sum of |x_i - y_j| over pairs of columns, which takes no memory for them. One report for every column of y.
template <class Scalar>
[[nodiscard]] double sum_of_distances(const Batch<Scalar>& x, const Batch<Scalar>& y, Pairs pairs,
                                      ProgressReporter& progress) {
  Vector<double> sums = Vector<double>::Zero(y.cols());
  run_reported_tasks(y.cols(), 2 * x.size(), progress, [&](Index j) {
    const Vector<double> other = y.col(j).template cast<double>();
    for (Index i = 0; i < (pairs == Pairs::below ? j : x.cols()); ++i)
      sums(j) += std::sqrt(squared_distance(x.col(i).data(), other.data(), x.rows()));
  });
  return sums.sum();
}

}  // namespace diffarch::detail
