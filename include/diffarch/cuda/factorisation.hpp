#pragma once

#include "diffarch/cuda/blas.hpp"

/// cuSOLVER's dense factorisations under one name for float and double. They wait for the device: whether a matrix has
/// the factorisation is known only then.
namespace diffarch::cuda {

/// The lower triangle of the positive-definite `m` (n, n) becomes its Cholesky factor; the upper one is left alone.
/// Throws NumericalError when a pivot is not positive.
template <class Scalar>
void cholesky_in_place(DeviceArray<Scalar>& m) {
  diffarch::detail::require<DimensionMismatch>(m.rows() == m.cols(), "cholesky: the matrix is (", m.rows(), ", ",
                                               m.cols(), ")");
  if (m.rows() == 0) return;
  constexpr bool single = std::is_same_v<Scalar, float>;
  const Context& context = Context::current();
  const int n = detail::blas_size(m.rows());
  int workspace_size = 0;
  if constexpr (single)
    check(cusolverDnSpotrf_bufferSize(context.solver(), CUBLAS_FILL_MODE_LOWER, n, m.data(), n, &workspace_size),
          "potrf_bufferSize of ", n);
  else
    check(cusolverDnDpotrf_bufferSize(context.solver(), CUBLAS_FILL_MODE_LOWER, n, m.data(), n, &workspace_size),
          "potrf_bufferSize of ", n);
  DeviceArray<Scalar> workspace(workspace_size, 1);
  DeviceArray<int> info(1, 1);
  if constexpr (single)
    check(cusolverDnSpotrf(context.solver(), CUBLAS_FILL_MODE_LOWER, n, m.data(), n, workspace.data(), workspace_size,
                           info.data()),
          "potrf of ", n);
  else
    check(cusolverDnDpotrf(context.solver(), CUBLAS_FILL_MODE_LOWER, n, m.data(), n, workspace.data(), workspace_size,
                           info.data()),
          "potrf of ", n);
  int problem = 0;
  info.copy_to_host(&problem, 1);
  diffarch::detail::require<NumericalError>(problem == 0, "cholesky: a (", n, ", ", n,
                                            ") matrix is not positive definite: its leading minor of order ", problem,
                                            " is not");
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
