#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "diffarch/core/batch.hpp"
#include "diffarch/cuda/runtime/context.hpp"

/// Functors on the device. Two forms, both plain structs of pointers and numbers whose call operator is constexpr: nvcc
/// compiles it for the device (--expt-relaxed-constexpr), a host compiler for the host.
///  - for_each: f(row, column) for every element of a (rows, columns) array, in any order;
///  - a block kernel: threads of one block that share memory, as a sequence of phases between which the block
///    synchronises. It has
///      static constexpr int threads;                     // of a block, a power of two
///      struct Shared;                                    // the shared memory, trivial, uninitialised at phase 0
///      int phases() const;
///      void operator()(int phase, Index block, int thread, Shared&) const;
///    Within a phase threads run in any order: what one writes, another may only read in a later phase.
///
/// nvcc makes kernels of them. In a program compiled for the host alone they can only run on an emulated device, whose
/// launches are the file DIFFARCH_EMULATED_DEVICE (the tests have one): its memory is host memory.

#if defined(__CUDACC__)

namespace diffarch::cuda {

namespace detail {

template <class Functor>
__global__ void element_kernel(Functor functor, Index rows, Index count) {
  const Index stride = static_cast<Index>(gridDim.x) * blockDim.x;
  for (Index i = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
    // A division of 64 bits costs more than most functors.
    if (count <= 0xFFFFFFFF) {
      const auto element = static_cast<std::uint32_t>(i);
      const auto column = element / static_cast<std::uint32_t>(rows);
      functor(static_cast<Index>(element - column * static_cast<std::uint32_t>(rows)), static_cast<Index>(column));
    } else {
      functor(i % rows, i / rows);
    }
  }
}

template <class Kernel>
__global__ void __launch_bounds__(Kernel::threads) block_kernel(Kernel kernel) {
  __shared__ typename Kernel::Shared shared;
  const int phases = kernel.phases();
  for (int phase = 0; phase < phases; ++phase) {
    if (phase > 0) __syncthreads();
    kernel(phase, static_cast<Index>(blockIdx.x), static_cast<int>(threadIdx.x), shared);
  }
}

}  // namespace detail

/// Calls functor(row, column) for every element, queued on the stream of `Context`. Throws CudaError.
template <class Functor>
void for_each(Index rows, Index columns, const Functor& functor) {
  static_assert(std::is_trivially_copyable_v<Functor>);
  const Index count = rows * columns;
  if (rows <= 0 || columns <= 0) return;
  constexpr Index threads = 256;
  constexpr Index most_blocks = 1 << 20;
  const auto blocks = static_cast<unsigned>(std::min(most_blocks, (count + threads - 1) / threads));
  detail::element_kernel<<<blocks, threads, 0, Context::current().stream()>>>(functor, rows, count);
  check(cudaPeekAtLastError(), "launch over ", rows, " x ", columns, " elements");
}

/// Runs the block kernel for blocks 0 ... blocks - 1, queued on the stream of `Context`. Throws CudaError.
template <class Kernel>
void for_each_block(Index blocks, const Kernel& kernel) {
  static_assert(std::is_trivially_copyable_v<Kernel> && std::is_trivial_v<typename Kernel::Shared>);
  static_assert((Kernel::threads & (Kernel::threads - 1)) == 0, "diffarch: a block has a power of two threads");
  if (blocks <= 0) return;
  diffarch::detail::require<CudaError>(blocks <= 0x7FFFFFFF, "CUDA: ", blocks, " blocks; expected fewer than 2^31");
  detail::block_kernel<<<static_cast<unsigned>(blocks), Kernel::threads, 0, Context::current().stream()>>>(kernel);
  check(cudaPeekAtLastError(), "launch of ", blocks, " blocks");
}

}  // namespace diffarch::cuda

#elif defined(DIFFARCH_EMULATED_DEVICE)
#include DIFFARCH_EMULATED_DEVICE
#else
#error "diffarch/cuda launches kernels: compile this file with nvcc (in CMake: LANGUAGE CUDA), or use the backend Cpu"
#endif
