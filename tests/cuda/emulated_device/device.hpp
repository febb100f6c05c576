#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

/// A device that is emulated on the host, for tests: host implementations of the functions of the CUDA runtime, cuBLAS
/// and cuSOLVER that the library calls, linked in place of the real libraries. It is stricter than a GPU:
///  - device memory is a registry of blocks, filled with NaN (0xFF) and as long as was asked for; every pointer and
///  span
///    that a call names must lie in a block that is alive in stream order;
///  - a stream does nothing until somebody waits for it: who reads before that reads what was there before;
///  - shared memory of blocks begins as NaN, and threads run in another order in every phase;
///  - workspace sizes are odd numbers, and workspaces are overwritten;
///  - work that is recorded for a graph may not allocate, free or wait;
///  - nobody may name a stream that was destroyed, or one of a device other than the thread's.
/// What a real device would report as a status is returned; what would be undefined ends the process with a message.
namespace emulated_device {

/// Faults that can be switched on, to see that tests notice them.
enum class Fault {
  none,
  short_leading_dimension,  ///< gemm gets lda - 1
  long_leading_dimension,   ///< gemm gets lda + 1
  swapped_transpose,        ///< gemm gets the other operation for A
  short_workspace,          ///< the size of workspaces is reported too small
  no_stream_wait,           ///< waiting for the stream returns at once
  no_block_wait,            ///< threads of a block do not wait for each other
  wrong_copy_size           ///< copies name one value more than there is
};
void set_fault(Fault fault);
[[nodiscard]] Fault fault();

/// Ends the process: undefined behaviour on a real device.
[[noreturn]] void violation(const std::string& message);

/// Devices that the process sees: as many as the variable DIFFARCH_EMULATED_DEVICES of the environment says, else one.
[[nodiscard]] int device_count();
/// The device of the calling thread, 0 unless it has chosen another. A stream belongs to the device on which it was
/// made, and only threads on that device may give it work.
[[nodiscard]] int& current_device();

/// A block of device memory of `bytes`, and what frees it in stream order.
[[nodiscard]] void* allocate(std::size_t bytes);
void free_in_order(void* pointer, cudaStream_t stream);

/// Violation unless [pointer, pointer + bytes) lies in one block that is alive.
void require_device(const void* pointer, std::size_t bytes, const char* what);
/// The same for work of a stream that is being done: a block is alive until the stream comes to its end.
void require_device_in_stream(const void* pointer, std::size_t bytes, const char* what);
/// Violation when pointer lies in device memory.
void require_host(const void* pointer, const char* what);

/// Adds work to a stream; `wait` does it.
void enqueue(cudaStream_t stream, std::function<void()> work);
void wait(cudaStream_t stream);
[[nodiscard]] cudaStream_t make_stream();
void destroy_stream(cudaStream_t stream);

/// Recording: work is added to a graph in place of the stream, until the end.
using Work = std::vector<std::function<void()>>;
void begin_recording(cudaStream_t stream);
[[nodiscard]] Work end_recording(cudaStream_t stream);
[[nodiscard]] bool is_recording(cudaStream_t stream);
/// Work that was launched as a graph since the start of the process, for tests.
[[nodiscard]] std::size_t graph_launches();
void count_graph_launch();

/// Blocks alive, for tests of leaks.
[[nodiscard]] std::size_t live_blocks();
/// Blocks that were allocated since the program began, for tests of how often memory is taken.
[[nodiscard]] std::size_t allocations();

/// Bytes that went from the host to the device and back since the program began, for tests of what is copied.
struct Transfers {
  std::size_t to_device = 0;
  std::size_t to_host = 0;
};
[[nodiscard]] Transfers transfers();
void count_transfer(cudaMemcpyKind kind, std::size_t bytes);

}  // namespace emulated_device
