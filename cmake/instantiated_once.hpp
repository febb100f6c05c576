#pragma once

// Products, factorisations and Eigen's eigenvalues, which nearly every one of our programs and tests uses: compiled in
// instantiated_once.cpp, and in no file that includes this. A build matter only; DiffarchPrograms.cmake includes it.

#include "diffarch/solver/linear_algebra.hpp"

#define DIFFARCH_INSTANTIATE_ALGEBRA(prefix, Scalar)                                                               \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::product(                                                      \
      const Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>&,                                            \
      const Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>&, bool);                                     \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::product(                                                      \
      const Eigen::Transpose<const Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>>&,                    \
      const Eigen::Ref<const Matrix<Scalar>, 0, Eigen::OuterStride<>>&, bool);                                     \
  prefix template Matrix<double> LinearAlgebra<Cpu>::centred_gram(const Batch<Scalar>&, const Vector<double>&);    \
  prefix template Matrix<double> LinearAlgebra<Cpu>::centred_scatter(const Batch<Scalar>&, const Vector<double>&); \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::centred_multiply(const Batch<Scalar>&, const Vector<double>&, \
                                                                      const Eigen::MatrixBase<Matrix<Scalar>>&);   \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::cholesky(Matrix<Scalar>);                                     \
  prefix template Matrix<Scalar> LinearAlgebra<Cpu>::cholesky_solve(const Matrix<Scalar>&,                         \
                                                                    const Eigen::MatrixBase<Matrix<Scalar>>&)

#define DIFFARCH_INSTANTIATE_EIGENVALUES(prefix)                                                                   \
  prefix template Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>&                                                  \
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>::compute(const Eigen::EigenBase<Eigen::MatrixXd>&, int);          \
  prefix template diffarch::SymmetricEigen<diffarch::Cpu> diffarch::LinearAlgebra<diffarch::Cpu>::symmetric_eigen( \
      const Eigen::MatrixBase<Eigen::MatrixXd>&)

namespace diffarch {

DIFFARCH_INSTANTIATE_ALGEBRA(extern, float);
DIFFARCH_INSTANTIATE_ALGEBRA(extern, double);

}  // namespace diffarch

DIFFARCH_INSTANTIATE_EIGENVALUES(extern);
