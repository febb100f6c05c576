#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include "diffarch/core/error.hpp"

namespace diffarch {

/// A call of the CUDA runtime, cuBLAS, cuSOLVER or cuDNN failed. The message names the call and what it reported.
class CudaError : public Error {
 public:
  using Error::Error;
};

namespace cuda {

/// Throws CudaError unless `status` is success. `parts` name the call and its sizes.
template <class... Parts>
void check(cudaError_t status, const Parts&... parts) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // forgotten by the runtime, or the next launch would report it again
  throw CudaError(
      diffarch::detail::concat("CUDA: ", parts..., ": ", cudaGetErrorName(status), ", ", cudaGetErrorString(status)));
}

/// Overload for status codes of cuBLAS.
template <class... Parts>
void check(cublasStatus_t status, const Parts&... parts) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw CudaError(diffarch::detail::concat("cuBLAS: ", parts..., ": ", cublasGetStatusName(status)));
}

/// Overload for status codes of cuSOLVER.
template <class... Parts>
void check(cusolverStatus_t status, const Parts&... parts) {
  if (status != CUSOLVER_STATUS_SUCCESS)
    throw CudaError(diffarch::detail::concat("cuSOLVER: ", parts..., ": status ", static_cast<int>(status)));
}

}  // namespace cuda
}  // namespace diffarch
