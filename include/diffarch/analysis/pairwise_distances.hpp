#pragma once

#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch::detail {

/// |x_i - y_j|^2 of all pairs of columns of x (d, n) and y (d, m), (n, m), at least 0. By |x|^2 - 2 x.y + |y|^2: the
/// rounding error is that of the squares, also where x_i = y_j.
template <class X, class Y>
[[nodiscard]] Matrix<double> squared_distances(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) {
  Matrix<double> squared = -2.0 * LinearAlgebra<Cpu>::multiply_transposed(x, y);
  squared.colwise() += x.colwise().squaredNorm().transpose();
  squared.rowwise() += y.colwise().squaredNorm();
  return squared.cwiseMax(0.0);
}

}  // namespace diffarch::detail
