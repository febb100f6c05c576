#pragma once

#include "diffarch/core/random.hpp"
#include "diffarch/cuda/runtime/device_array.hpp"
#include "diffarch/cuda/runtime/launch.hpp"

namespace diffarch::cuda {

/// Writes the normal numbers of one block of four elements of a column-major (d, n) array: those of `normal_batch`,
/// from the same integers.
template <class Scalar>
struct NormalBlock {
  Scalar* values;
  Index d;
  CounterRandom random;
  Index first_sample;
  constexpr void operator()(Index block, Index column) const {
    const auto normals = box_muller_block(random.words(first_sample + column, block));
    for (Index i = 0; i < 4 && 4 * block + i < d; ++i)
      values[column * d + 4 * block + i] = static_cast<Scalar>(normals[static_cast<std::size_t>(i)]);
  }
};

/// `normal_batch`, made on the device. The integers are the same bit by bit, and the normal numbers to rounding.
template <class Scalar>
[[nodiscard]] DeviceArray<Scalar> normal_batch(Index d, Index n, Seed seed, Stream stream, Index first_sample) {
  diffarch::detail::require(d >= 1 && n >= 0 && first_sample >= 0, "normal_batch: d = ", d, ", n = ", n,
                            ", first_sample = ", first_sample, "; expected d >= 1, n >= 0, first_sample >= 0");
  DeviceArray<Scalar> noise(d, n);
  for_each((d + 3) / 4, n, NormalBlock<Scalar>{noise.data(), d, CounterRandom(seed, stream), first_sample});
  return noise;
}

}  // namespace diffarch::cuda
