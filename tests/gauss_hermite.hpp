#pragma once

// Gauss-Hermite quadrature for N(0, 1) in long double, by Golub and Welsch (1969): the oracle for averages over noise.

#include <Eigen/Eigenvalues>
#include <cmath>

#include "diffarch/core/batch.hpp"

namespace diffarch::test {

using Wide = long double;

struct Quadrature {
  Vector<Wide> nodes;
  Vector<Wide> weights;  ///< sum 1
};

/// Exact for polynomials of degree 2 count - 1.
[[nodiscard]] inline Quadrature gauss_hermite(Index count) {
  Matrix<Wide> jacobi = Matrix<Wide>::Zero(count, count);
  for (Index i = 1; i < count; ++i) jacobi(i, i - 1) = jacobi(i - 1, i) = std::sqrt(static_cast<Wide>(i));
  const Eigen::SelfAdjointEigenSolver<Matrix<Wide>> solver(jacobi);
  return {solver.eigenvalues(), solver.eigenvectors().row(0).transpose().cwiseAbs2()};
}

}  // namespace diffarch::test
