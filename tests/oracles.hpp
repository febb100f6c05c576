#pragma once

// What tests compare with and compilers take seconds for, compiled once: see oracles.cpp.

#include "diffarch/core/batch.hpp"

namespace diffarch::test {

using Wide = long double;

struct Quadrature {
  Vector<Wide> nodes;
  Vector<Wide> weights;  ///< sum 1
};

/// Gauss's rule for the measure whose orthogonal polynomials have this symmetric tridiagonal Jacobi matrix (Golub and
/// Welsch 1969).
[[nodiscard]] Quadrature gauss_rule(const Matrix<Wide>& jacobi);

/// Gauss-Hermite quadrature for N(0, 1), the oracle for averages over noise. Exact for polynomials of degree
/// 2 count - 1.
[[nodiscard]] Quadrature gauss_hermite(Index count);

/// Of a symmetric matrix (n, n), decreasing, by Eigen in long double.
[[nodiscard]] Vector<Wide> wide_eigenvalues(const Matrix<Wide>& symmetric);

struct SingularValueDecomposition {
  Matrix<double> u;       ///< (m, min(m, n))
  Vector<double> values;  ///< decreasing
};

/// Of a matrix (m, n), by Jacobi rotations, which the library does not use.
[[nodiscard]] SingularValueDecomposition jacobi_svd(const Matrix<double>& matrix);

}  // namespace diffarch::test
