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
    const PhiloxCounter words = random.words(first_sample + column, block);
    for (std::size_t pair = 0; pair < 2; ++pair) {
      const auto normals = box_muller_pair(words[2 * pair], words[2 * pair + 1]);
      const Index row = 4 * block + 2 * static_cast<Index>(pair);
      if (row < d) values[column * d + row] = static_cast<Scalar>(normals[0]);
      if (row + 1 < d) values[column * d + row + 1] = static_cast<Scalar>(normals[1]);
    }
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
