#pragma once

// The launches of diffarch/cuda/runtime/launch.hpp on the emulated device: the same functors on the host.

#include <cstring>
#include <type_traits>

#include "device.hpp"
#include "diffarch/core/backend.hpp"
#include "diffarch/core/parallel.hpp"

namespace diffarch::cuda {

template <class Functor>
void for_each(Index rows, Index columns, const Functor& functor) {
  static_assert(std::is_trivially_copyable_v<Functor>);
  if (rows <= 0 || columns <= 0) return;
  emulated_device::enqueue(Context::current().stream(), [=] { Cpu::for_each(rows, columns, functor); });
  check(cudaPeekAtLastError(), "launch over ", rows, " x ", columns, " elements");
}

namespace detail {

/// Which thread runs `turn`-th in a phase of a block: another order in each.
[[nodiscard]] constexpr int thread_at(int turn, int phase, Index block, int threads) {
  const auto offset = static_cast<int>(block % threads);
  const int forward = (turn + 7 * phase + offset) % threads;
  return phase % 2 == 0 ? forward : threads - 1 - forward;
}

}  // namespace detail

template <class Kernel>
void for_each_block(Index blocks, const Kernel& kernel) {
  using Shared = typename Kernel::Shared;
  static_assert(std::is_trivially_copyable_v<Kernel> && std::is_trivial_v<Shared>);
  static_assert((Kernel::threads & (Kernel::threads - 1)) == 0, "diffarch: a block has a power of two threads");
  static_assert(sizeof(Shared) <= 48 * 1024, "diffarch: a block has at most 48 KiB of shared memory");
  const bool waits = emulated_device::fault() != emulated_device::Fault::no_block_wait;
  emulated_device::enqueue(Context::current().stream(), [=] {
    parallel_for(blocks, 64 * Kernel::threads, [&](Index block) {
      Shared shared;
      std::memset(&shared, 0xFF, sizeof(Shared));
      const int phases = kernel.phases();
      if (waits) {
        for (int phase = 0; phase < phases; ++phase)
          for (int turn = 0; turn < Kernel::threads; ++turn)
            kernel(phase, block, detail::thread_at(turn, phase, block, Kernel::threads), shared);
      } else {
        for (int thread = 0; thread < Kernel::threads; ++thread)
          for (int phase = 0; phase < phases; ++phase) kernel(phase, block, thread, shared);
      }
    });
  });
  check(cudaPeekAtLastError(), "launch of ", blocks, " blocks");
}

}  // namespace diffarch::cuda
