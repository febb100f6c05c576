#pragma once

#include <cstdint>
#include <limits>

#include "diffarch/cuda/error.hpp"

namespace diffarch::cuda {

/// What all work of the process on the device shares: one stream, on which everything is ordered, and the handles of
/// the libraries. Made when it is first asked for. One host thread at a time may use it.
class Context {
 public:
  /// Throws CudaError when there is no driver or no device, saying which of them is missing.
  [[nodiscard]] static Context& current() {
    static Context context;
    return context;
  }

  [[nodiscard]] cudaStream_t stream() const noexcept { return stream_; }
  [[nodiscard]] cublasHandle_t blas() const noexcept { return blas_; }
  [[nodiscard]] cusolverDnHandle_t solver() const noexcept { return solver_; }

  /// Waits until all work given to the stream is done. Throws CudaError when some of it failed.
  void synchronize() const { check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

 private:
  Context() {
    require_device();
    keep_freed_memory();
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    check(cublasCreate(&blas_), "cublasCreate");
    check(cublasSetStream(blas_, stream_), "cublasSetStream");
    check(cusolverDnCreate(&solver_), "cusolverDnCreate");
    check(cusolverDnSetStream(solver_, stream_), "cusolverDnSetStream");
  }
  // At the end of the process the driver may be gone already: what these report is nobody's business.
  ~Context() {
    cusolverDnDestroy(solver_);
    cublasDestroy(blas_);
    cudaStreamDestroy(stream_);
  }

  /// Freed memory stays with the process for the next array. Without this the driver takes it back whenever the stream
  /// is waited for, and every fit maps its scratch anew.
  static void keep_freed_memory() {
    int device = 0;
    check(cudaGetDevice(&device), "cudaGetDevice");
    cudaMemPool_t pool = nullptr;
    check(cudaDeviceGetDefaultMemPool(&pool, device), "cudaDeviceGetDefaultMemPool");
    std::uint64_t threshold = std::numeric_limits<std::uint64_t>::max();
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold), "cudaMemPoolSetAttribute");
  }

  static void require_device() {
    int driver = 0;
    check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
    if (driver == 0)
      throw CudaError(
          "CUDA: no NVIDIA driver is installed (libcuda is missing); the backend cuda needs one, and a GPU");
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status == cudaErrorNoDevice || (status == cudaSuccess && devices == 0))
      throw CudaError("CUDA: a driver is installed but there is no GPU (or CUDA_VISIBLE_DEVICES hides it)");
    if (status == cudaErrorInsufficientDriver)
      throw CudaError(diffarch::detail::concat("CUDA: the driver (CUDA ", driver / 1000, ".", driver % 1000 / 10,
                                               ") is older than the toolkit (CUDA ", CUDART_VERSION / 1000, ".",
                                               CUDART_VERSION % 1000 / 10, ") this program was built with"));
    check(status, "cudaGetDeviceCount");
  }

  cudaStream_t stream_ = nullptr;
  cublasHandle_t blas_ = nullptr;
  cusolverDnHandle_t solver_ = nullptr;
};

}  // namespace diffarch::cuda
