// cuBLAS of the emulated device: arguments are checked as the real library checks them, and computed with by Eigen.

#include <cublas_v2.h>

#include <utility>

#include "diffarch/core/parallel.hpp"
#include "matrices.hpp"

using emulated_device::ConstStrided;
using emulated_device::Fault;
using emulated_device::require_matrix;
using emulated_device::Strided;
using emulated_device::valid_leading_dimension;

struct cublasContext {
  cudaStream_t stream = nullptr;
};

namespace {

template <class Scalar>
void multiply(bool transpose_a, bool transpose_b, int m, int n, int k, Scalar alpha, const Scalar* a, int lda,
              const Scalar* b, int ldb, Scalar beta, Scalar* c, int ldc, bool in_tf32) {
  const diffarch::detail::SerialEigen serial;
  const ConstStrided<Scalar> stored_left(a, transpose_a ? k : m, transpose_a ? m : k, Eigen::OuterStride<>(lda));
  const ConstStrided<Scalar> stored_right(b, transpose_b ? n : k, transpose_b ? k : n, Eigen::OuterStride<>(ldb));
  const auto as_multiplied = [in_tf32](Scalar value) { return in_tf32 ? emulated_device::tf32(value) : value; };
  const auto left = stored_left.unaryExpr(as_multiplied).eval();
  const auto right = stored_right.unaryExpr(as_multiplied).eval();
  Strided<Scalar> result(c, m, n, Eigen::OuterStride<>(ldc));
  if (beta == Scalar(0))
    result.setZero();  // NaN times 0 is not 0: nothing is read
  else
    result *= beta;
  if (transpose_a && transpose_b)
    result.noalias() += alpha * (left.transpose() * right.transpose());
  else if (transpose_a)
    result.noalias() += alpha * (left.transpose() * right);
  else if (transpose_b)
    result.noalias() += alpha * (left * right.transpose());
  else
    result.noalias() += alpha * (left * right);
}

/// Work on `count` consecutive operands; a stride of 0 repeats one.
template <class Scalar>
cublasStatus_t gemm(cublasHandle_t handle, cublasOperation_t operation_a, cublasOperation_t operation_b, int m, int n,
                    int k, const Scalar* alpha, const Scalar* a, int lda, long long stride_a, const Scalar* b, int ldb,
                    long long stride_b, const Scalar* beta, Scalar* c, int ldc, long long stride_c, int count,
                    bool in_tf32 = false) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  switch (emulated_device::fault()) {
    case Fault::short_leading_dimension:
      --lda;
      break;
    case Fault::long_leading_dimension:
      ++lda;
      break;
    case Fault::swapped_transpose:
      operation_a = operation_a == CUBLAS_OP_N ? CUBLAS_OP_T : CUBLAS_OP_N;
      break;
    default:
      break;
  }
  const bool transpose_a = operation_a != CUBLAS_OP_N;
  const bool transpose_b = operation_b != CUBLAS_OP_N;
  if (m < 0 || n < 0 || k < 0 || count < 0 || !valid_leading_dimension(transpose_a ? k : m, lda) ||
      !valid_leading_dimension(transpose_b ? n : k, ldb) || !valid_leading_dimension(m, ldc))
    return CUBLAS_STATUS_INVALID_VALUE;
  emulated_device::require_host(alpha, "gemm, alpha");
  emulated_device::require_host(beta, "gemm, beta");
  for (int i = 0; i < count; ++i) {
    require_matrix(a + i * stride_a, transpose_a ? k : m, transpose_a ? m : k, lda, "gemm, A");
    require_matrix(b + i * stride_b, transpose_b ? n : k, transpose_b ? k : n, ldb, "gemm, B");
    require_matrix(c + i * stride_c, m, n, ldc, "gemm, C");
  }
  if (count > 1 && stride_c < static_cast<long long>(emulated_device::span_of(m, n, ldc)))
    emulated_device::violation("gemm: results of a batch overlap");
  emulated_device::enqueue(handle->stream, [=, alpha = *alpha, beta = *beta] {
    diffarch::parallel_for(count, diffarch::Index{2} * m * n * k, [=](diffarch::Index i) {
      multiply(transpose_a, transpose_b, m, n, k, alpha, a + i * stride_a, lda, b + i * stride_b, ldb, beta,
               c + i * stride_c, ldc, in_tf32);
    });
  });
  return CUBLAS_STATUS_SUCCESS;
}

template <class Scalar>
cublasStatus_t syrk(cublasHandle_t handle, cublasFillMode_t triangle, cublasOperation_t operation, int n, int k,
                    const Scalar* alpha, const Scalar* a, int lda, const Scalar* beta, Scalar* c, int ldc) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  const bool transpose = operation != CUBLAS_OP_N;
  if (n < 0 || k < 0 || !valid_leading_dimension(transpose ? k : n, lda) || !valid_leading_dimension(n, ldc))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (triangle != CUBLAS_FILL_MODE_LOWER) return CUBLAS_STATUS_NOT_SUPPORTED;
  require_matrix(a, transpose ? k : n, transpose ? n : k, lda, "syrk, A");
  require_matrix(c, n, n, ldc, "syrk, C");
  emulated_device::enqueue(handle->stream, [=, alpha = *alpha, beta = *beta] {
    const diffarch::detail::SerialEigen serial;
    const ConstStrided<Scalar> factor(a, transpose ? k : n, transpose ? n : k, Eigen::OuterStride<>(lda));
    Strided<Scalar> result(c, n, n, Eigen::OuterStride<>(ldc));
    // As the real one: the other triangle is neither read nor written.
    auto lower = result.template triangularView<Eigen::Lower>();
    if (beta == Scalar(0))
      lower.setZero();
    else
      lower *= beta;
    if (transpose)
      lower += alpha * (factor.transpose() * factor);
    else
      lower += alpha * (factor * factor.transpose());
  });
  return CUBLAS_STATUS_SUCCESS;
}

template <class Scalar>
void solve(bool transpose, int m, int n, Scalar alpha, const Scalar* a, int lda, Scalar* b, int ldb) {
  const ConstStrided<Scalar> triangle(a, m, m, Eigen::OuterStride<>(lda));
  Strided<Scalar> right(b, m, n, Eigen::OuterStride<>(ldb));
  right *= alpha;
  if (transpose)
    triangle.template triangularView<Eigen::Lower>().transpose().solveInPlace(right);
  else
    triangle.template triangularView<Eigen::Lower>().solveInPlace(right);
}

[[nodiscard]] bool is_left_lower(cublasSideMode_t side, cublasFillMode_t triangle, cublasDiagType_t diagonal) {
  return side == CUBLAS_SIDE_LEFT && triangle == CUBLAS_FILL_MODE_LOWER && diagonal == CUBLAS_DIAG_NON_UNIT;
}

template <class Scalar>
cublasStatus_t trsm(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t triangle,
                    cublasOperation_t operation, cublasDiagType_t diagonal, int m, int n, const Scalar* alpha,
                    const Scalar* a, int lda, Scalar* b, int ldb) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (m < 0 || n < 0 || !valid_leading_dimension(m, lda) || !valid_leading_dimension(m, ldb))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!is_left_lower(side, triangle, diagonal)) return CUBLAS_STATUS_NOT_SUPPORTED;
  require_matrix(a, m, m, lda, "trsm, A");
  require_matrix(b, m, n, ldb, "trsm, B");
  emulated_device::enqueue(handle->stream,
                           [=, alpha = *alpha] { solve(operation != CUBLAS_OP_N, m, n, alpha, a, lda, b, ldb); });
  return CUBLAS_STATUS_SUCCESS;
}

template <class Scalar>
cublasStatus_t trsm_batched(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t triangle,
                            cublasOperation_t operation, cublasDiagType_t diagonal, int m, int n, const Scalar* alpha,
                            const Scalar* const a[], int lda, Scalar* const b[], int ldb, int count) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (m < 0 || n < 0 || count < 0 || !valid_leading_dimension(m, lda) || !valid_leading_dimension(m, ldb))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!is_left_lower(side, triangle, diagonal)) return CUBLAS_STATUS_NOT_SUPPORTED;
  const auto addresses = static_cast<std::size_t>(count) * sizeof(Scalar*);
  emulated_device::require_device(a, addresses, "trsmBatched, array of A");
  emulated_device::require_device(b, addresses, "trsmBatched, array of B");
  emulated_device::enqueue(handle->stream, [=, alpha = *alpha] {
    for (int i = 0; i < count; ++i) {  // the addresses are known on the device only, when the work is done
      emulated_device::require_matrix_in_stream(a[i], m, m, lda, "trsmBatched, A");
      emulated_device::require_matrix_in_stream(b[i], m, n, ldb, "trsmBatched, B");
      solve(operation != CUBLAS_OP_N, m, n, alpha, a[i], lda, b[i], ldb);
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "another status";
  }
}

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                              int k, const float* alpha, const float* a, int lda, const float* b, int ldb,
                              const float* beta, float* c, int ldc) {
  return gemm(handle, transa, transb, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}
cublasStatus_t cublasDgemm_v2(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                              int k, const double* alpha, const double* a, int lda, const double* b, int ldb,
                              const double* beta, double* c, int ldc) {
  return gemm(handle, transa, transb, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}
cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                            int k, const void* alpha, const void* a, cudaDataType a_type, int lda, const void* b,
                            cudaDataType b_type, int ldb, const void* beta, void* c, cudaDataType c_type, int ldc,
                            cublasComputeType_t compute_type, cublasGemmAlgo_t /*algorithm*/) {
  // Of its many combinations, what the library asks for: products of f32 numbers in TF32.
  if (a_type != CUDA_R_32F || b_type != CUDA_R_32F || c_type != CUDA_R_32F ||
      compute_type != CUBLAS_COMPUTE_32F_FAST_TF32)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  return gemm(handle, transa, transb, m, n, k, static_cast<const float*>(alpha), static_cast<const float*>(a), lda, 0,
              static_cast<const float*>(b), ldb, 0, static_cast<const float*>(beta), static_cast<float*>(c), ldc, 0, 1,
              true);
}
cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                                         int m, int n, int k, const float* alpha, const float* a, int lda,
                                         long long stride_a, const float* b, int ldb, long long stride_b,
                                         const float* beta, float* c, int ldc, long long stride_c, int count) {
  return gemm(handle, transa, transb, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b, beta, c, ldc, stride_c,
              count);
}
cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                                         int m, int n, int k, const double* alpha, const double* a, int lda,
                                         long long stride_a, const double* b, int ldb, long long stride_b,
                                         const double* beta, double* c, int ldc, long long stride_c, int count) {
  return gemm(handle, transa, transb, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b, beta, c, ldc, stride_c,
              count);
}

cublasStatus_t cublasSsyrk_v2(cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
                              const float* alpha, const float* a, int lda, const float* beta, float* c, int ldc) {
  return syrk(handle, uplo, trans, n, k, alpha, a, lda, beta, c, ldc);
}
cublasStatus_t cublasDsyrk_v2(cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
                              const double* alpha, const double* a, int lda, const double* beta, double* c, int ldc) {
  return syrk(handle, uplo, trans, n, k, alpha, a, lda, beta, c, ldc);
}

cublasStatus_t cublasStrsm_v2(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo,
                              cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const float* alpha,
                              const float* a, int lda, float* b, int ldb) {
  return trsm(handle, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);
}
cublasStatus_t cublasDtrsm_v2(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo,
                              cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const double* alpha,
                              const double* a, int lda, double* b, int ldb) {
  return trsm(handle, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);
}
cublasStatus_t cublasStrsmBatched(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo,
                                  cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const float* alpha,
                                  const float* const a[], int lda, float* const b[], int ldb, int count) {
  return trsm_batched(handle, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb, count);
}
cublasStatus_t cublasDtrsmBatched(cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo,
                                  cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const double* alpha,
                                  const double* const a[], int lda, double* const b[], int ldb, int count) {
  return trsm_batched(handle, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb, count);
}

}  // extern "C"
