#include "device.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <utility>

namespace emulated_device {
namespace {

struct Block {
  std::size_t bytes;
  bool alive;
};

struct Device {
  std::map<const std::byte*, Block> blocks;
  std::set<cudaStream_t> streams;
  Fault fault = Fault::none;
  Transfers transfers;
  std::size_t allocations = 0;
};

// Never destroyed: objects that live to the end of the process free device memory after everything else.
Device& device() {
  static auto* const instance = new Device;
  return *instance;
}

/// The block that holds a pointer, freed blocks included while their memory is still there.
std::map<const std::byte*, Block>::iterator block_of(const void* pointer) {
  auto& blocks = device().blocks;
  const auto* const address = static_cast<const std::byte*>(pointer);
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin()) return blocks.end();
  --after;
  return address < after->first + after->second.bytes ? after : blocks.end();
}

}  // namespace

void set_fault(Fault fault) { device().fault = fault; }
Fault fault() { return device().fault; }

void violation(const std::string& message) {
  std::fprintf(stderr, "emulated device: %s\n", message.c_str());
  std::fflush(stderr);
  std::_Exit(3);
}

void* allocate(std::size_t bytes) {
  constexpr std::size_t alignment = 256;  // as on a GPU, and no byte more than was asked for
  void* place = nullptr;
  if (posix_memalign(&place, alignment, bytes) != 0) return nullptr;
  auto* const memory = static_cast<std::byte*>(place);
  std::memset(memory, 0xFF, bytes);
  device().blocks[memory] = {bytes, true};
  ++device().allocations;
  return memory;
}

void free_in_order(void* pointer, cudaStream_t stream) {
  if (pointer == nullptr) return;
  const auto block = device().blocks.find(static_cast<const std::byte*>(pointer));
  if (block == device().blocks.end() || !block->second.alive) violation("free of something that is no live block");
  block->second.alive = false;
  enqueue(stream, [pointer] {
    device().blocks.erase(static_cast<const std::byte*>(pointer));
    std::free(pointer);
  });
}

void require_device(const void* pointer, std::size_t bytes, const char* what) {
  if (bytes == 0) return;
  const auto block = block_of(pointer);
  if (block != device().blocks.end() && !block->second.alive)
    violation(std::string(what) + ": device memory that was freed");
  require_device_in_stream(pointer, bytes, what);
}

void require_device_in_stream(const void* pointer, std::size_t bytes, const char* what) {
  if (bytes == 0) return;
  const auto block = block_of(pointer);
  if (block == device().blocks.end()) violation(std::string(what) + ": not a pointer to device memory");
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - block->first);
  if (offset + bytes > block->second.bytes)
    violation(std::string(what) + ": bytes " + std::to_string(offset) + " to " + std::to_string(offset + bytes) +
              " of a block of " + std::to_string(block->second.bytes));
}

void require_host(const void* pointer, const char* what) {
  if (block_of(pointer) != device().blocks.end())
    violation(std::string(what) + ": device memory where host memory is expected");
}

std::size_t allocations() { return device().allocations; }

std::size_t live_blocks() {
  const auto& blocks = device().blocks;
  return static_cast<std::size_t>(
      std::count_if(blocks.begin(), blocks.end(), [](const auto& entry) { return entry.second.alive; }));
}

Transfers transfers() { return device().transfers; }

void count_transfer(cudaMemcpyKind kind, std::size_t bytes) {
  if (kind == cudaMemcpyHostToDevice) device().transfers.to_device += bytes;
  if (kind == cudaMemcpyDeviceToHost) device().transfers.to_host += bytes;
}

}  // namespace emulated_device

/// The type that the CUDA headers leave incomplete.
struct CUstream_st {
  int device = 0;
  std::deque<std::function<void()>> work;
  emulated_device::Work recorded;
  bool records = false;
};

namespace emulated_device {

int device_count() {
  const char* count = std::getenv("DIFFARCH_EMULATED_DEVICES");
  return count == nullptr ? 1 : std::atoi(count);
}

int& current_device() {
  thread_local int device = 0;
  return device;
}

cudaStream_t make_stream() {
  auto* const stream = new CUstream_st;
  stream->device = current_device();
  device().streams.insert(stream);
  return stream;
}

namespace {

void require_stream(cudaStream_t stream) {
  if (stream == nullptr) return;
  if (!device().streams.contains(stream)) violation("a stream that was destroyed");
  if (stream->device != current_device())
    violation("a stream of device " + std::to_string(stream->device) + " by a thread on device " +
              std::to_string(current_device()));
}

}  // namespace

void destroy_stream(cudaStream_t stream) {
  wait(stream);
  device().streams.erase(stream);
  delete stream;
}

void enqueue(cudaStream_t stream, std::function<void()> work) {
  require_stream(stream);
  if (stream == nullptr) violation("work on the default stream, which is not ordered with the library's");
  if (stream->records)
    stream->recorded.push_back(std::move(work));
  else
    stream->work.push_back(std::move(work));
}

void begin_recording(cudaStream_t stream) {
  if (stream == nullptr || stream->records) violation("recording of the default stream, or of one that is recorded");
  stream->records = true;
}

Work end_recording(cudaStream_t stream) {
  if (stream == nullptr || !stream->records) violation("end of a recording that nobody began");
  stream->records = false;
  return std::exchange(stream->recorded, {});
}

bool is_recording(cudaStream_t stream) {
  require_stream(stream);
  return stream != nullptr && stream->records;
}

namespace {
std::size_t launched_graphs = 0;
}
std::size_t graph_launches() { return launched_graphs; }
void count_graph_launch() { ++launched_graphs; }

void wait(cudaStream_t stream) {
  require_stream(stream);
  if (stream == nullptr) violation("waiting for the default stream");
  if (stream->records) violation("waiting for a stream while its work is recorded");
  while (!stream->work.empty()) {
    const auto work = std::move(stream->work.front());
    stream->work.pop_front();
    work();
  }
}

}  // namespace emulated_device
