#pragma once

#include <string>

#include "diffarch/cuda/algebra/blas.hpp"

/// cuSOLVER's dense factorisations under one name for float and double. Whether a matrix has the factorisation is known
/// when the device is done: what says so waits for it.
namespace diffarch::cuda {

/// The lower triangle of the positive-definite m (n, n) becomes its Cholesky factor; the upper one is left alone. Does
/// not wait: *info on the device becomes 0, or the order of the first leading minor that is not positive.
template <class Scalar>
void cholesky_in_place(Index n, Scalar* m, Index ld, int* info) {
  if (n == 0) return;
  const Context& context = Context::current();
  const int order = detail::blas_size(n);
  const int leading = detail::blas_size(ld);
  int workspace_size = 0;
  const auto size_call = [&](auto function) {
    check(function(context.solver(), CUBLAS_FILL_MODE_LOWER, order, m, leading, &workspace_size),
          "potrf_bufferSize of ", n);
  };
  const auto call = [&](auto function) {
    DeviceArray<Scalar> workspace(workspace_size, 1);
    check(function(context.solver(), CUBLAS_FILL_MODE_LOWER, order, m, leading, workspace.data(), workspace_size, info),
          "potrf of ", n);
  };
  if constexpr (std::is_same_v<Scalar, float>) {
    size_call(cusolverDnSpotrf_bufferSize);
    call(cusolverDnSpotrf);
  } else {
    size_call(cusolverDnDpotrf_bufferSize);
    call(cusolverDnDpotrf);
  }
}

/// Returns the message for an info code other than 0 of a Cholesky factorisation of order n.
[[nodiscard]] inline std::string not_positive_definite(Index n, int info) {
  return diffarch::detail::concat("cholesky: a (", n, ", ", n,
                                  ") matrix is not positive definite: its leading minor of order ", info, " is not");
}

/// Factorises m in place and waits for the result. Throws NumericalError when a pivot is not positive.
template <class Scalar>
void cholesky_in_place(DeviceArray<Scalar>& m) {
  diffarch::detail::require<DimensionMismatch>(m.rows() == m.cols(), "cholesky: the matrix is (", m.rows(), ", ",
                                               m.cols(), ")");
  if (m.rows() == 0) return;
  DeviceArray<int> info(1, 1);
  cholesky_in_place(m.rows(), m.data(), m.rows(), info.data());
  int problem = 0;
  info.copy_to_host(&problem, 1);
  diffarch::detail::require<NumericalError>(problem == 0, not_positive_definite(m.rows(), problem));
}

/// `batch` matrices (n, n) at once; `matrices` is a device array of their addresses. info[i] on the device becomes 0
/// where the factorisation exists. Only the lower triangles are read and written.
template <class Scalar>
void cholesky_batch(Index n, Scalar** matrices, Index ld, int* info, Index batch) {
  if (n == 0 || batch == 0) return;
  const auto call = [&](auto function) {
    check(function(Context::current().solver(), CUBLAS_FILL_MODE_LOWER, detail::blas_size(n), matrices,
                   detail::blas_size(ld), info, detail::blas_size(batch)),
          batch, " potrf of ", n);
  };
  if constexpr (std::is_same_v<Scalar, float>)
    call(cusolverDnSpotrfBatched);
  else
    call(cusolverDnDpotrfBatched);
}

/// Eigenvalues (increasing) of the symmetric `m` (n, n), which becomes its orthonormal eigenvectors. The lower triangle
/// is read. Throws NumericalError when the iteration does not converge (a matrix with NaN, say).
[[nodiscard]] inline DeviceArray<double> symmetric_eigen_in_place(DeviceArray<double>& m) {
  diffarch::detail::require<DimensionMismatch>(m.rows() == m.cols(), "symmetric_eigen: the matrix is (", m.rows(), ", ",
                                               m.cols(), ")");
  const Context& context = Context::current();
  const int n = detail::blas_size(m.rows());
  DeviceArray<double> values(n, 1);
  int workspace_size = 0;
  check(cusolverDnDsyevd_bufferSize(context.solver(), CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, n, m.data(), n,
                                    values.data(), &workspace_size),
        "syevd_bufferSize of ", n);
  DeviceArray<double> workspace(workspace_size, 1);
  DeviceArray<int> info(1, 1);
  check(cusolverDnDsyevd(context.solver(), CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, n, m.data(), n,
                         values.data(), workspace.data(), workspace_size, info.data()),
        "syevd of ", n);
  int problem = 0;
  info.copy_to_host(&problem, 1);
  diffarch::detail::require<NumericalError>(problem == 0, "symmetric_eigen: no convergence for a (", n, ", ", n,
                                            ") matrix");
  return values;
}

}  // namespace diffarch::cuda
