#pragma once

#include <Eigen/Eigenvalues>
#include <limits>

#include "diffarch/core/batch.hpp"

namespace diffarch {

/// Solution of a symmetric positive-definite system, and the condition that limits its accuracy.
template <class Real>
struct SymmetricSolution {
  Matrix<Real> x;          ///< (p, k)
  double condition = 1.0;  ///< largest over smallest eigenvalue of the matrix scaled to a unit diagonal
};

/// Solves m x = b for a small symmetric positive-definite m (p, p) and b (p, k), by its eigenvectors after scaling to a
/// unit diagonal (within a factor p of the best diagonal scaling: van der Sluis 1969). An m that rounding has made
/// indefinite gets condition infinity and x = 0: the caller decides what is too much and says why.
template <class Real>
[[nodiscard]] SymmetricSolution<Real> solve_symmetric(const Matrix<Real>& m, const Matrix<Real>& b) {
  const Vector<Real> scale = m.diagonal().cwiseMax(std::numeric_limits<Real>::min()).cwiseSqrt().cwiseInverse();
  const Eigen::SelfAdjointEigenSolver<Matrix<Real>> eigen(scale.asDiagonal() * m * scale.asDiagonal());
  const Real smallest = eigen.eigenvalues()(0);
  const Real largest = eigen.eigenvalues()(m.rows() - 1);
  if (eigen.info() != Eigen::Success || !(smallest > Real(0)))
    return {Matrix<Real>::Zero(b.rows(), b.cols()), std::numeric_limits<double>::infinity()};
  const Matrix<Real> rotated = eigen.eigenvectors().transpose() * (scale.asDiagonal() * b);
  return {scale.asDiagonal() * (eigen.eigenvectors() * (eigen.eigenvalues().cwiseInverse().asDiagonal() * rotated)),
          static_cast<double>(largest / smallest)};
}

#ifdef DIFFARCH_COMPILED
extern template SymmetricSolution<long double> solve_symmetric(const Matrix<long double>&, const Matrix<long double>&);
#endif

}  // namespace diffarch
