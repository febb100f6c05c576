#pragma once

#include <cstdint>
#include <limits>

#include "diffarch/cuda/runtime/error.hpp"
#include "diffarch/process/launched_process.hpp"

namespace diffarch::cuda {

/// The context that all work of the process on the device shares: one GPU, one stream, on which everything is ordered,
/// and the handles of the libraries. Made when it is first asked for, and never destroyed: device arrays may live to
/// the end of the program. One host thread at a time may use it.
///
/// Where a launcher (mpirun, srun) has started several processes on one machine, each takes a GPU of its own: the one
/// whose number is its local rank, modulo the number of GPUs that it sees. A program that calls cudaSetDevice for a GPU
/// other than 0 before keeps that GPU.
class Context {
 public:
  /// Throws CudaError when there is no driver or no device, saying which of them is missing. A thread that asks for the
  /// first time works on the context's GPU from then on.
  [[nodiscard]] static Context& current() {
    static Context* const context = new Context;
    thread_local const cudaError_t on_the_device = cudaSetDevice(context->device_);
    static_cast<void>(on_the_device);  // a failure is reported by the call that comes next
    return *context;
  }

  /// The number of the GPU, as CUDA numbers those that this process sees.
  [[nodiscard]] int device() const noexcept { return device_; }

  [[nodiscard]] cudaStream_t stream() const noexcept { return stream_; }
  [[nodiscard]] cublasHandle_t blas() const noexcept { return blas_; }
  [[nodiscard]] cusolverDnHandle_t solver() const noexcept { return solver_; }

  /// Waits until all work given to the stream is done. Throws CudaError when some of it failed.
  void synchronize() const { check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

 private:
  Context() {
    device_ = choose_device(require_devices());
    keep_freed_memory(device_);
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    check(cublasCreate(&blas_), "cublasCreate");
    check(cublasSetStream(blas_, stream_), "cublasSetStream");
    check(cusolverDnCreate(&solver_), "cusolverDnCreate");
    check(cusolverDnSetStream(solver_, stream_), "cusolverDnSetStream");
  }

  [[nodiscard]] static int choose_device(int devices) {
    int device = 0;
    check(cudaGetDevice(&device), "cudaGetDevice");
    const int local_rank = diffarch::detail::local_rank();
    if (device != 0 || local_rank % devices == 0) return device;
    check(cudaSetDevice(local_rank % devices), "cudaSetDevice(", local_rank % devices, ")");
    return local_rank % devices;
  }

  /// Freed memory stays with the process for the next array. Without this the driver takes it back whenever the stream
  /// is waited for, and every fit maps its scratch anew.
  static void keep_freed_memory(int device) {
    cudaMemPool_t pool = nullptr;
    check(cudaDeviceGetDefaultMemPool(&pool, device), "cudaDeviceGetDefaultMemPool");
    std::uint64_t threshold = std::numeric_limits<std::uint64_t>::max();
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold), "cudaMemPoolSetAttribute");
  }

  /// How many GPUs there are, at least one.
  [[nodiscard]] static int require_devices() {
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
    return devices;
  }

  int device_ = 0;
  cudaStream_t stream_ = nullptr;
  cublasHandle_t blas_ = nullptr;
  cusolverDnHandle_t solver_ = nullptr;
};

}  // namespace diffarch::cuda
