#pragma once

#include <limits>

#include "diffarch/cuda/runtime/device_array.hpp"

/// cuBLAS under one name for float and double: column-major device memory, leading dimensions, sums in the precision of
/// the arguments. Everything is given to the stream.
namespace diffarch::cuda {

namespace detail {

/// cuBLAS counts in int.
[[nodiscard]] inline int blas_size(Index size) {
  diffarch::detail::require<CudaError>(size >= 0 && size <= std::numeric_limits<int>::max(), "cuBLAS: a size of ", size,
                                       "; expected less than 2^31");
  return static_cast<int>(size);
}

[[nodiscard]] inline cublasOperation_t operation(bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; }

}  // namespace detail

/// The numbers that products of f32 numbers multiply: the f32 numbers, or f32 numbers rounded to TF32 (10 bits of
/// mantissa). GPUs since Ampere multiply TF32 numbers several times as fast. Sums are f32 in both cases; products of
/// f64 numbers always multiply f64 numbers.
enum class Factors { f32, tf32 };

/// C = alpha op(A) op(B) + beta C, op(A) (m, k), op(B) (k, n). Nothing is read of C when beta is 0.
template <class Scalar, Factors factors = Factors::f32>
void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, Scalar alpha, const Scalar* a, Index lda,
          const Scalar* b, Index ldb, Scalar beta, Scalar* c, Index ldc) {
  using detail::blas_size;
  if (m == 0 || n == 0) return;
  const auto call = [&](auto function) {
    check(function(Context::current().blas(), detail::operation(transpose_a), detail::operation(transpose_b),
                   blas_size(m), blas_size(n), blas_size(k), &alpha, a, blas_size(lda), b, blas_size(ldb), &beta, c,
                   blas_size(ldc)),
          "gemm (", m, ", ", k, ") x (", k, ", ", n, ")");
  };
  if constexpr (!std::is_same_v<Scalar, float>)
    call(cublasDgemm_v2);
  else if constexpr (factors == Factors::f32)
    call(cublasSgemm_v2);
  else
    check(cublasGemmEx(Context::current().blas(), detail::operation(transpose_a), detail::operation(transpose_b),
                       blas_size(m), blas_size(n), blas_size(k), &alpha, a, CUDA_R_32F, blas_size(lda), b, CUDA_R_32F,
                       blas_size(ldb), &beta, c, CUDA_R_32F, blas_size(ldc), CUBLAS_COMPUTE_32F_FAST_TF32,
                       CUBLAS_GEMM_DEFAULT),
          "gemm in TF32 (", m, ", ", k, ") x (", k, ", ", n, ")");
}

/// Computes `batch` products at once. Operand i lies `stride` i elements behind the first operand; with stride 0 all
/// products share the operand.
template <class Scalar>
void gemm_batch(bool transpose_a, bool transpose_b, Index m, Index n, Index k, Scalar alpha, const Scalar* a, Index lda,
                Index stride_a, const Scalar* b, Index ldb, Index stride_b, Scalar beta, Scalar* c, Index ldc,
                Index stride_c, Index batch) {
  using detail::blas_size;
  if (m == 0 || n == 0 || batch == 0) return;
  // cuBLAS has more ways to compute a product that is alone.
  if (batch == 1) return gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  const auto call = [&](auto function) {
    check(function(Context::current().blas(), detail::operation(transpose_a), detail::operation(transpose_b),
                   blas_size(m), blas_size(n), blas_size(k), &alpha, a, blas_size(lda), stride_a, b, blas_size(ldb),
                   stride_b, &beta, c, blas_size(ldc), stride_c, blas_size(batch)),
          batch, " products (", m, ", ", k, ") x (", k, ", ", n, ")");
  };
  if constexpr (std::is_same_v<Scalar, float>)
    call(cublasSgemmStridedBatched);
  else
    call(cublasDgemmStridedBatched);
}

/// Lower triangle of C (n, n) = alpha A A^T + beta C, A (n, k), or alpha A^T A with A (k, n) when transposed.
template <class Scalar>
void syrk(bool transpose, Index n, Index k, Scalar alpha, const Scalar* a, Index lda, Scalar beta, Scalar* c,
          Index ldc) {
  using detail::blas_size;
  if (n == 0) return;
  const auto call = [&](auto function) {
    check(function(Context::current().blas(), CUBLAS_FILL_MODE_LOWER, detail::operation(transpose), blas_size(n),
                   blas_size(k), &alpha, a, blas_size(lda), &beta, c, blas_size(ldc)),
          "syrk of ", n, " rows of ", k);
  };
  if constexpr (std::is_same_v<Scalar, float>)
    call(cublasSsyrk_v2);
  else
    call(cublasDsyrk_v2);
}

/// B (n, columns) = L^-1 B, or L^-T B when transposed, for a lower triangular L (n, n).
template <class Scalar>
void solve_lower(bool transpose, Index n, Index columns, const Scalar* l, Index ldl, Scalar* b, Index ldb) {
  using detail::blas_size;
  if (n == 0 || columns == 0) return;
  const Scalar one(1);
  const auto call = [&](auto function) {
    check(function(Context::current().blas(), CUBLAS_SIDE_LEFT, CUBLAS_FILL_MODE_LOWER, detail::operation(transpose),
                   CUBLAS_DIAG_NON_UNIT, blas_size(n), blas_size(columns), &one, l, blas_size(ldl), b, blas_size(ldb)),
          "trsm of ", columns, " columns of ", n);
  };
  if constexpr (std::is_same_v<Scalar, float>)
    call(cublasStrsm_v2);
  else
    call(cublasDtrsm_v2);
}

/// Solves `batch` systems at once; `l` and `b` are device arrays of the addresses of their matrices.
template <class Scalar>
void solve_lower_batch(bool transpose, Index n, Index columns, const Scalar* const* l, Index ldl, Scalar* const* b,
                       Index ldb, Index batch) {
  using detail::blas_size;
  if (n == 0 || columns == 0 || batch == 0) return;
  const Scalar one(1);
  const auto call = [&](auto function) {
    check(function(Context::current().blas(), CUBLAS_SIDE_LEFT, CUBLAS_FILL_MODE_LOWER, detail::operation(transpose),
                   CUBLAS_DIAG_NON_UNIT, blas_size(n), blas_size(columns), &one, l, blas_size(ldl), b, blas_size(ldb),
                   blas_size(batch)),
          batch, " trsm of ", columns, " columns of ", n);
  };
  if constexpr (std::is_same_v<Scalar, float>)
    call(cublasStrsmBatched);
  else
    call(cublasDtrsmBatched);
}

}  // namespace diffarch::cuda
