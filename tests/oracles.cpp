#include "oracles.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <cmath>

namespace diffarch::test {

Quadrature gauss_rule(const Matrix<Wide>& jacobi) {
  const Eigen::SelfAdjointEigenSolver<Matrix<Wide>> solver(jacobi);
  const Vector<Wide> weights = solver.eigenvectors().row(0).transpose().cwiseAbs2();
  return {solver.eigenvalues(), weights / weights.sum()};
}

Quadrature gauss_hermite(Index count) {
  Matrix<Wide> jacobi = Matrix<Wide>::Zero(count, count);
  for (Index i = 1; i < count; ++i) jacobi(i, i - 1) = jacobi(i - 1, i) = std::sqrt(static_cast<Wide>(i));
  return gauss_rule(jacobi);
}

Vector<Wide> wide_eigenvalues(const Matrix<Wide>& symmetric) {
  return Eigen::SelfAdjointEigenSolver<Matrix<Wide>>(symmetric).eigenvalues().reverse();
}

SingularValueDecomposition jacobi_svd(const Matrix<double>& matrix) {
  const Eigen::JacobiSVD<Matrix<double>> svd(matrix, Eigen::ComputeThinU);
  return {svd.matrixU(), svd.singularValues()};
}

}  // namespace diffarch::test
