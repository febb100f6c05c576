#pragma once

#include <algorithm>
#include <utility>

#include "diffarch/core/batch.hpp"
#include "diffarch/solver/symmetric_eigen.hpp"

namespace diffarch {

/// Singular values of a matrix (m, n), decreasing, (min(m, n)), with an absolute error of a few eps times the largest:
/// the eigenvalues of [0 M; M^T 0], which are the singular values with both signs. As accurate as a singular value
/// decomposition (the square roots of the eigenvalues of M^T M would not be), and compiled from what the closed forms
/// need anyway. Cost O((m + n)^3). Throws NumericalError for an element that is not finite.
template <class Scalar>
[[nodiscard]] Vector<double> singular_values(const Matrix<Scalar>& matrix) {
  detail::require<NumericalError>(matrix.allFinite(), "singular_values: an element of a ", detail::shape_text(matrix),
                                  " matrix is not finite");
  const Index rows = matrix.rows();
  const Index columns = matrix.cols();
  const Index count = std::min(rows, columns);
  if (count == 0) return Vector<double>();
  Matrix<double> symmetric = Matrix<double>::Zero(rows + columns, rows + columns);
  symmetric.bottomLeftCorner(columns, rows) = matrix.template cast<double>().transpose();
  return detail::symmetric_eigenvalues(std::move(symmetric), "singular_values").head(count).cwiseMax(0.0);
}

#ifdef DIFFARCH_COMPILED
extern template Vector<double> singular_values(const Matrix<float>&);
extern template Vector<double> singular_values(const Matrix<double>&);
#endif

}  // namespace diffarch
