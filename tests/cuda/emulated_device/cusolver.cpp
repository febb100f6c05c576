// cuSOLVER of the emulated device.

#include <cusolverDn.h>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <cstring>

#include "matrices.hpp"

using emulated_device::Fault;
using emulated_device::require_matrix;
using emulated_device::Strided;
using emulated_device::valid_leading_dimension;

struct cusolverDnContext {
  cudaStream_t stream = nullptr;
};

namespace {

/// Values of workspace that a factorisation of order n needs: odd, so that no size somebody made up is right.
[[nodiscard]] int workspace_needed(int n) { return 37 * n + 13; }

[[nodiscard]] int workspace_reported(int n) {
  return workspace_needed(n) - (emulated_device::fault() == Fault::short_workspace ? 1 : 0);
}

/// Order of the first leading minor that is not positive, or 0; the lower triangle becomes the factor.
template <class Scalar>
int factorise(Scalar* a, int n, int lda) {
  Strided<Scalar> m(a, n, n, Eigen::OuterStride<>(lda));
  for (int j = 0; j < n; ++j) {
    const Scalar pivot = m(j, j) - m.row(j).head(j).squaredNorm();
    if (!(pivot > Scalar(0))) return j + 1;
    m(j, j) = std::sqrt(pivot);
    const int below = n - j - 1;
    if (below == 0) break;
    m.col(j).tail(below).noalias() -= m.bottomLeftCorner(below, j) * m.row(j).head(j).transpose();
    m.col(j).tail(below) /= m(j, j);
  }
  return 0;
}

template <class Scalar>
cusolverStatus_t potrf_size(cusolverDnHandle_t handle, int n, Scalar* a, int lda, int* size) {
  if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (n < 0 || !valid_leading_dimension(n, lda)) return CUSOLVER_STATUS_INVALID_VALUE;
  require_matrix(a, n, n, lda, "potrf_bufferSize, A");
  *size = workspace_reported(n);
  return CUSOLVER_STATUS_SUCCESS;
}

template <class Scalar>
cusolverStatus_t potrf(cusolverDnHandle_t handle, cublasFillMode_t triangle, int n, Scalar* a, int lda,
                       Scalar* workspace, int size, int* info) {
  if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (n < 0 || !valid_leading_dimension(n, lda) || triangle != CUBLAS_FILL_MODE_LOWER || size < workspace_needed(n))
    return CUSOLVER_STATUS_INVALID_VALUE;
  const auto workspace_bytes = static_cast<std::size_t>(size) * sizeof(Scalar);
  require_matrix(a, n, n, lda, "potrf, A");
  emulated_device::require_device(workspace, workspace_bytes, "potrf, workspace");
  emulated_device::require_device(info, sizeof(int), "potrf, info");
  emulated_device::enqueue(handle->stream, [=] {
    std::memset(workspace, 0xFE, workspace_bytes);
    *info = factorise(a, n, lda);
  });
  return CUSOLVER_STATUS_SUCCESS;
}

template <class Scalar>
cusolverStatus_t potrf_batched(cusolverDnHandle_t handle, cublasFillMode_t triangle, int n, Scalar* a[], int lda,
                               int* info, int count) {
  if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (n < 0 || count < 0 || !valid_leading_dimension(n, lda) || triangle != CUBLAS_FILL_MODE_LOWER)
    return CUSOLVER_STATUS_INVALID_VALUE;
  emulated_device::require_device(a, static_cast<std::size_t>(count) * sizeof(Scalar*), "potrfBatched, array of A");
  emulated_device::require_device(info, static_cast<std::size_t>(count) * sizeof(int), "potrfBatched, info");
  emulated_device::enqueue(handle->stream, [=] {
    for (int i = 0; i < count; ++i) {
      emulated_device::require_matrix_in_stream(a[i], n, n, lda, "potrfBatched, A");
      info[i] = factorise(a[i], n, lda);
    }
  });
  return CUSOLVER_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
  *handle = new cusolverDnContext;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
  delete handle;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnSpotrf_bufferSize(cusolverDnHandle_t handle, cublasFillMode_t /*uplo*/, int n, float* a,
                                             int lda, int* size) {
  return potrf_size(handle, n, a, lda, size);
}
cusolverStatus_t cusolverDnDpotrf_bufferSize(cusolverDnHandle_t handle, cublasFillMode_t /*uplo*/, int n, double* a,
                                             int lda, int* size) {
  return potrf_size(handle, n, a, lda, size);
}
cusolverStatus_t cusolverDnSpotrf(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, float* a, int lda,
                                  float* workspace, int size, int* info) {
  return potrf(handle, uplo, n, a, lda, workspace, size, info);
}
cusolverStatus_t cusolverDnDpotrf(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, double* a, int lda,
                                  double* workspace, int size, int* info) {
  return potrf(handle, uplo, n, a, lda, workspace, size, info);
}
cusolverStatus_t cusolverDnSpotrfBatched(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, float* a[], int lda,
                                         int* info, int count) {
  return potrf_batched(handle, uplo, n, a, lda, info, count);
}
cusolverStatus_t cusolverDnDpotrfBatched(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, double* a[], int lda,
                                         int* info, int count) {
  return potrf_batched(handle, uplo, n, a, lda, info, count);
}

cusolverStatus_t cusolverDnDsyevd_bufferSize(cusolverDnHandle_t handle, cusolverEigMode_t /*jobz*/,
                                             cublasFillMode_t /*uplo*/, int n, const double* a, int lda,
                                             const double* values, int* size) {
  if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (n < 0 || !valid_leading_dimension(n, lda)) return CUSOLVER_STATUS_INVALID_VALUE;
  require_matrix(a, n, n, lda, "syevd_bufferSize, A");
  emulated_device::require_device(values, static_cast<std::size_t>(n) * sizeof(double), "syevd_bufferSize, W");
  *size = workspace_reported(n);
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnDsyevd(cusolverDnHandle_t handle, cusolverEigMode_t jobz, cublasFillMode_t uplo, int n,
                                  double* a, int lda, double* values, double* workspace, int size, int* info) {
  if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (n < 0 || !valid_leading_dimension(n, lda) || uplo != CUBLAS_FILL_MODE_LOWER || jobz != CUSOLVER_EIG_MODE_VECTOR ||
      size < workspace_needed(n))
    return CUSOLVER_STATUS_INVALID_VALUE;
  const auto workspace_bytes = static_cast<std::size_t>(size) * sizeof(double);
  require_matrix(a, n, n, lda, "syevd, A");
  emulated_device::require_device(values, static_cast<std::size_t>(n) * sizeof(double), "syevd, W");
  emulated_device::require_device(workspace, workspace_bytes, "syevd, workspace");
  emulated_device::require_device(info, sizeof(int), "syevd, info");
  emulated_device::enqueue(handle->stream, [=] {
    std::memset(workspace, 0xFE, workspace_bytes);
    Strided<double> m(a, n, n, Eigen::OuterStride<>(lda));
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(m);  // reads the lower triangle
    *info = solver.info() == Eigen::Success ? 0 : n;
    m = solver.eigenvectors();
    // Either sign is an eigenvector, and the real library's are not Eigen's.
    for (int column = 0; column < n; column += 2) m.col(column) *= -1.0;
    Eigen::Map<Eigen::VectorXd>(values, n) = solver.eigenvalues();
  });
  return CUSOLVER_STATUS_SUCCESS;
}

}  // extern "C"
