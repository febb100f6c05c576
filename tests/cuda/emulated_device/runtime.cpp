// The CUDA runtime of the emulated device.

#include <cuda_runtime_api.h>

#include <cstring>
#include <utility>

#include "device.hpp"

using emulated_device::Fault;

/// Types that the CUDA headers leave incomplete.
struct CUgraph_st {
  emulated_device::Work work;
};
struct CUgraphExec_st {
  emulated_device::Work work;
};

namespace {

/// The last error that a call returned: the runtime keeps it until somebody asks for it.
cudaError_t last_error = cudaSuccess;

cudaError_t reported(cudaError_t status) {
  if (status != cudaSuccess) last_error = status;
  return status;
}

}  // namespace

extern "C" {

cudaError_t cudaPeekAtLastError() { return last_error; }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = emulated_device::device_count();
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = emulated_device::current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= emulated_device::device_count()) return reported(cudaErrorInvalidDevice);
  emulated_device::current_device() = device;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  if (device < 0 || device >= emulated_device::device_count()) return reported(cudaErrorInvalidDevice);
  static int place = 0;  // a handle is an address
  *pool = reinterpret_cast<cudaMemPool_t>(&place);
  return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  if (pool == nullptr || attribute != cudaMemPoolAttrReleaseThreshold || value == nullptr)
    return reported(cudaErrorInvalidValue);
  emulated_device::require_host(value, "cudaMemPoolSetAttribute, value");
  return cudaSuccess;
}

const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorInvalidValue ? "cudaErrorInvalidValue" : error == cudaSuccess ? "cudaSuccess" : "an error";
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "reported by the emulated device";
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned /*flags*/) {
  *stream = emulated_device::make_stream();
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  // With the fault the host memory that waiting work names is gone.
  if (emulated_device::fault() != Fault::no_stream_wait) emulated_device::destroy_stream(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (emulated_device::fault() != Fault::no_stream_wait) emulated_device::wait(stream);
  return cudaSuccess;
}

cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream) {
  if (emulated_device::is_recording(stream)) emulated_device::violation("memory is allocated while work is recorded");
  constexpr std::size_t memory_of_the_device = std::size_t{8} << 30U;
  if (bytes > memory_of_the_device) return reported(cudaErrorMemoryAllocation);
  *pointer = emulated_device::allocate(bytes);
  return reported(*pointer == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  if (emulated_device::is_recording(stream)) emulated_device::violation("memory is freed while work is recorded");
  emulated_device::free_in_order(pointer, stream);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  emulated_device::require_device(pointer, bytes, "cudaMemsetAsync");
  emulated_device::enqueue(stream, [=] { std::memset(pointer, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (emulated_device::fault() == Fault::wrong_copy_size) bytes += sizeof(float);
  if (kind == cudaMemcpyDeviceToHost)
    emulated_device::require_host(to, "cudaMemcpyAsync, destination");
  else
    emulated_device::require_device(to, bytes, "cudaMemcpyAsync, destination");
  if (kind == cudaMemcpyHostToDevice)
    emulated_device::require_host(from, "cudaMemcpyAsync, source");
  else
    emulated_device::require_device(from, bytes, "cudaMemcpyAsync, source");
  emulated_device::count_transfer(kind, bytes);
  emulated_device::enqueue(stream, [=] { std::memmove(to, from, bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode /*mode*/) {
  emulated_device::begin_recording(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = new CUgraph_st{emulated_device::end_recording(stream)};
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  if (graph == nullptr || flags != 0) return reported(cudaErrorInvalidValue);
  *executable = new CUgraphExec_st{graph->work};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (executable == nullptr) return reported(cudaErrorInvalidValue);
  for (const auto& work : executable->work) emulated_device::enqueue(stream, work);
  emulated_device::count_graph_launch();
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

}  // extern "C"
