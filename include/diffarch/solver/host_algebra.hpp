#pragma once

#include <utility>

#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

/// Products and factorisations of host arrays by a backend, for fits that are assembled on the host: operands go to the
/// backend, the result comes back. Members as in `LinearAlgebra`, and
///  - solve(m, b) = m^-1 b of a positive-definite m, of which the lower triangle is read. Throws NumericalError when it
///    is not positive definite.
template <class BackendType>
struct HostAlgebra {
  [[nodiscard]] static Matrix<double> multiply(const Matrix<double>& a, const Matrix<double>& b) {
    return BackendType::download(Algebra::multiply(BackendType::upload(a), BackendType::upload(b)));
  }

  [[nodiscard]] static Matrix<double> multiply_transposed(const Matrix<double>& a, const Matrix<double>& b) {
    return BackendType::download(Algebra::multiply_transposed(BackendType::upload(a), BackendType::upload(b)));
  }

  [[nodiscard]] static Matrix<double> multiply_by_transpose(const Matrix<double>& a) {
    return BackendType::download(Algebra::multiply_by_transpose(BackendType::upload(a)));
  }

  [[nodiscard]] static Matrix<double> solve(const Matrix<double>& m, const Matrix<double>& b) {
    return BackendType::download(
        Algebra::cholesky_solve(Algebra::cholesky(BackendType::upload(m)), BackendType::upload(b)));
  }

 private:
  using Algebra = LinearAlgebra<BackendType>;
};

/// The algebra of the host itself: no data move.
template <>
struct HostAlgebra<Cpu> : LinearAlgebra<Cpu> {
  template <class Scalar, class B>
  [[nodiscard]] static Matrix<Scalar> solve(Matrix<Scalar> m, const Eigen::MatrixBase<B>& b) {
    return cholesky_solve(cholesky(std::move(m)), b);
  }
};

}  // namespace diffarch
