#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/backend.hpp"
#include "diffarch/solver/tridiagonal.hpp"
#include "diffarch/solver/tridiagonal_qr.hpp"

namespace diffarch {

/// Eigenvalues (decreasing, on the host) and orthonormal eigenvectors (columns, in the same order, on the backend) of a
/// symmetric matrix. Either sign of an eigenvector is one, and every library has its own: here the entry of largest
/// magnitude is positive, the first of them where several are equal to `equal_entries`. (scikit-learn's svd_flip, but
/// for the tolerance: symmetric data have entries that only rounding tells apart.)
template <class BackendType>
struct SymmetricEigen {
  static constexpr double equal_entries = 1e-6;

  Vector<double> values;
  typename BackendType::template Storage<double> vectors;
};

namespace detail {

/// Brings the eigenvalues of m (n, n), symmetric, of which the lower triangle is read, into decreasing order. Where
/// `vectors` is given, its columns become the eigenvectors in that order, of either sign. Householder's reduction and
/// implicit QR steps, as Eigen's SelfAdjointEigenSolver, but shared by threads; bits do not depend on their number.
/// Cost O(n^3), memory for 2 n^2 numbers with m. Throws NumericalError, which names `caller`, when an element is not
/// finite or the steps do not converge.
template <class Scalar>
[[nodiscard]] Vector<Scalar> symmetric_eigenvalues(Matrix<Scalar> m, const char* caller,
                                                   Matrix<Scalar>* vectors = nullptr) {
  require<DimensionMismatch>(m.rows() == m.cols(), caller, ": the matrix is ", shape_text(m));
  const Index n = m.rows();
  if (n == 0) return Vector<Scalar>();
  const std::string shape = shape_text(m);
  bool is_finite = true;
  Scalar largest(0);
  for (Index column = 0; column < n; ++column) {
    const auto lower = m.col(column).tail(n - column);
    is_finite = is_finite && lower.allFinite();
    largest = std::max(largest, lower.cwiseAbs().maxCoeff());
  }
  require<NumericalError>(is_finite, caller, ": no convergence for a ", shape, " matrix");
  const Scalar scale = largest > Scalar(0) ? largest : Scalar(1);  // squares do not overflow, or vanish
  m /= scale;

  Tridiagonal<Scalar> tridiagonal = tridiagonalise(std::move(m));
  TridiagonalQr<Scalar> qr(std::move(tridiagonal.diagonal), std::move(tridiagonal.subdiagonal));
  Matrix<Scalar> basis;
  if (vectors != nullptr) {
    basis = tridiagonal.basis();
    tridiagonal = {};
    diagonalise(qr, basis);
  } else {
    qr.run();
  }
  require<NumericalError>(qr.converged(), caller, ": no convergence for a ", shape, " matrix");

  std::vector<Index> order(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return qr.values()(a) > qr.values()(b); });
  if (vectors != nullptr) *vectors = basis(Eigen::all, order);
  return scale * qr.values()(order);
}

/// Gives the entry of largest magnitude of each column the positive sign: see SymmetricEigen.
template <class Scalar>
void make_signs_definite(Matrix<Scalar>& vectors) {
  for (Index column = 0; column < vectors.cols(); ++column) {
    auto vector = vectors.col(column);
    const double large = (1.0 - SymmetricEigen<Cpu>::equal_entries) * vector.cwiseAbs().maxCoeff();
    Index first = 0;
    while (std::abs(vector(first)) < large) ++first;
    if (vector(first) < 0.0) vector = -vector;
  }
}

}  // namespace detail

#ifdef DIFFARCH_COMPILED
extern template Vector<double> detail::symmetric_eigenvalues(Matrix<double>, const char*, Matrix<double>*);
#endif

}  // namespace diffarch
