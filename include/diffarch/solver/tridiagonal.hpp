#pragma once

#include <Eigen/Householder>
#include <algorithm>
#include <utility>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"

namespace diffarch {

/// A symmetric matrix m (n, n) as Q T Q^T, T with the diagonal `diagonal` (n) and `subdiagonal` (n - 1) beside it.
/// Q = H_0 ... H_{n-2} is kept as its reflectors H_k = I - factors_k v_k v_k^T, v_k in column k of `reflectors` (n, n)
/// below the diagonal, with a one in row k + 1 that is not stored.
template <class Scalar>
struct Tridiagonal {
  Vector<Scalar> diagonal;
  Vector<Scalar> subdiagonal;
  Matrix<Scalar> reflectors;
  Vector<Scalar> factors;

  /// Q (n, n), orthogonal.
  [[nodiscard]] Matrix<Scalar> basis() const;
};

namespace detail {

/// m x of a symmetric m (n, n), of which the lower triangle is read. Threads share blocks of columns, whose parts are
/// summed in one order.
template <class Scalar, class M>
[[nodiscard]] Vector<Scalar> multiply_symmetric(const M& m, const Vector<Scalar>& x) {
  constexpr Index block = 64;
  const Index n = x.size();
  const Index blocks = (n + block - 1) / block;
  Matrix<Scalar> parts(n, blocks);
  parallel_for(blocks, block * n, [&](Index task) {
    const Index first = task * block;
    const Index width = std::min(block, n - first);
    const Index below = n - first - width;
    const auto diagonal = m.block(first, first, width, width);
    const auto rest = m.block(first + width, first, below, width);
    auto part = parts.col(task);
    part.head(first).setZero();
    part.segment(first, width).noalias() = diagonal.template selfadjointView<Eigen::Lower>() * x.segment(first, width);
    part.segment(first, width).noalias() += rest.transpose() * x.tail(below);
    part.tail(below).noalias() = rest * x.segment(first, width);
  });
  return parts.rowwise().sum();
}

}  // namespace detail

/// Householder's reduction of a symmetric matrix to tridiagonal form (Golub and Van Loan, Matrix Computations, 8.3.1),
/// panel by panel: within a panel the matrix is only multiplied by, and is changed once behind it (Dongarra,
/// Hammarling and Sorensen 1989, the way of LAPACK's dsytrd). The lower triangle of m is read. Cost 4/3 n^3; bits do
/// not depend on the number of threads.
template <class Scalar>
[[nodiscard]] Tridiagonal<Scalar> tridiagonalise(Matrix<Scalar> m) {
  detail::require<DimensionMismatch>(m.rows() == m.cols(), "tridiagonalise: the matrix is ", detail::shape_text(m));
  const detail::SerialEigen serial;
  constexpr Index panel = 32;
  const Index n = m.rows();
  const Index reflections = std::max<Index>(n - 1, 0);
  Tridiagonal<Scalar> result;
  result.diagonal.resize(n);
  result.subdiagonal.resize(reflections);
  result.factors.resize(reflections);
  for (Index begin = 0; begin < reflections; begin += panel) {
    // The panel's reflections subtract v w^T + w v^T from the rows and columns of the matrix from `begin` on.
    const Index width = std::min(panel, reflections - begin);
    Matrix<Scalar> v = Matrix<Scalar>::Zero(n - begin, width);
    Matrix<Scalar> w = Matrix<Scalar>::Zero(n - begin, width);
    for (Index j = 0; j < width; ++j) {
      const Index column = begin + j;
      const Index below = n - column - 1;
      auto entries = m.col(column).tail(below + 1);
      entries.noalias() -= v.bottomLeftCorner(below + 1, j) * w.row(j).head(j).transpose();
      entries.noalias() -= w.bottomLeftCorner(below + 1, j) * v.row(j).head(j).transpose();
      result.diagonal(column) = entries(0);

      auto reflected = entries.tail(below);
      Scalar& factor = result.factors(column);
      reflected.makeHouseholderInPlace(factor, result.subdiagonal(column));
      Vector<Scalar> reflector = reflected;
      reflector(0) = Scalar(1);

      const auto v_below = v.bottomLeftCorner(below, j);
      const auto w_below = w.bottomLeftCorner(below, j);
      Vector<Scalar> product = detail::multiply_symmetric(m.bottomRightCorner(below, below), reflector);
      product.noalias() -= v_below * (w_below.transpose() * reflector).eval();
      product.noalias() -= w_below * (v_below.transpose() * reflector).eval();
      product *= factor;
      product -= factor / Scalar(2) * product.dot(reflector) * reflector;
      v.col(j).tail(below) = reflector;
      w.col(j).tail(below) = product;
    }
    const Index rest = n - begin - width;
    auto behind = m.bottomRightCorner(rest, rest);
    const auto v_behind = v.bottomRows(rest);
    const auto w_behind = w.bottomRows(rest);
    detail::parallel_for_lower_tiles(rest, width, [&](Index row, Index rows, Index column, Index columns) {
      auto block = behind.block(row, column, rows, columns);
      block.noalias() -= v_behind.middleRows(row, rows) * w_behind.middleRows(column, columns).transpose();
      block.noalias() -= w_behind.middleRows(row, rows) * v_behind.middleRows(column, columns).transpose();
    });
  }
  if (n > 0) result.diagonal(n - 1) = m(n - 1, n - 1);
  result.reflectors = std::move(m);
  return result;
}

template <class Scalar>
Matrix<Scalar> Tridiagonal<Scalar>::basis() const {
  const detail::SerialEigen serial;
  constexpr Index block = 128;
  const Index n = reflectors.rows();
  const Index blocks = (n + block - 1) / block;
  Matrix<Scalar> result(n, n);
  parallel_for(blocks, n * n * block, [&](Index task) {
    // The last columns first, which cost most: reflectors from a column on leave its unit vector as it is.
    const Index first = (blocks - 1 - task) * block;
    const Index width = std::min(block, n - first);
    Matrix<Scalar> columns = Matrix<Scalar>::Zero(n, width);
    columns.middleRows(first, width).setIdentity();
    columns.applyOnTheLeft(Eigen::householderSequence(reflectors, factors).setLength(first + width - 1).setShift(1));
    result.middleCols(first, width) = columns;
  });
  return result;
}

}  // namespace diffarch
