#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"

namespace diffarch {

/// Identity of a run's randomness. Every random number is a function of (seed, stream, sample, element) alone.
struct Seed {
  std::uint64_t value = 0;
};

/// Which use the numbers are for; two uses of one seed never share numbers when their streams differ.
/// Streams below 2^16 are the library's (see `streams`), the others are free for programs.
struct Stream {
  std::uint32_t value = 0;
};

namespace streams {
inline constexpr Stream initial_noise{0};  ///< x_T of the sampler
inline constexpr Stream data{1};           ///< synthetic data: continuous parameters
inline constexpr Stream labels{2};         ///< synthetic data: discrete choices
inline constexpr Stream directions{3};     ///< fixed random directions of features
inline constexpr Stream biases{4};         ///< fixed random biases of features
/// One of 2^14 by the bits of sigma (Fibonacci hashing).
[[nodiscard]] constexpr std::uint32_t level_number(double sigma) noexcept {
  return static_cast<std::uint32_t>((std::bit_cast<std::uint64_t>(sigma) * 0x9E3779B97F4A7C15U) >> 50U);
}
/// Noise that a fit draws at one noise level.
[[nodiscard]] constexpr Stream fit_noise(double sigma) noexcept { return {0x4000U + level_number(sigma)}; }
/// Random directions of features that differ between noise levels.
[[nodiscard]] constexpr Stream level_directions(double sigma) noexcept { return {0x8000U + level_number(sigma)}; }
/// Fresh noise of stochastic sampler rules at step `step` (0-based).
[[nodiscard]] constexpr Stream step_noise(Index step) noexcept { return {0x100U + static_cast<std::uint32_t>(step)}; }
}  // namespace streams

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Philox 4x32-10: ten rounds of a keyed bijection on 128-bit counters, integers only, the same on every machine.
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3.
[[nodiscard]] constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) noexcept {
  constexpr std::uint64_t multiplier0 = 0xD2511F53U;
  constexpr std::uint64_t multiplier1 = 0xCD9E8D57U;
  constexpr std::uint32_t weyl0 = 0x9E3779B9U;
  constexpr std::uint32_t weyl1 = 0xBB67AE85U;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = multiplier0 * counter[0];
    const std::uint64_t product1 = multiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32U) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32U) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += weyl0;
    key[1] += weyl1;
  }
  return counter;
}

/// Counter-based source of the numbers of one (seed, stream): a pure function of (sample, element).
class CounterRandom {
 public:
  constexpr CounterRandom(Seed seed, Stream stream) noexcept
      : key_{static_cast<std::uint32_t>(seed.value), static_cast<std::uint32_t>(seed.value >> 32U)},
        stream_(stream.value) {}

  /// Four independent 32-bit words: elements 4 * block ... 4 * block + 3 of `sample`. block < 2^32.
  [[nodiscard]] constexpr PhiloxCounter words(Index sample, Index block) const noexcept {
    const auto s = static_cast<std::uint64_t>(sample);
    return philox4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(s),
                       static_cast<std::uint32_t>(s >> 32U), stream_},
                      key_);
  }

  /// Uniform in the open interval (0, 1), multiples of 2^-32 shifted by half a step.
  [[nodiscard]] constexpr double uniform(Index sample, Index element) const noexcept {
    return to_unit(words(sample, element / 4)[static_cast<std::size_t>(element % 4)]);
  }

  /// Standard normal numbers of elements 4 * block ... 4 * block + 3, by Box and Muller (1958). Computed in double
  /// whatever type they are stored in, so that f32 and f64 runs see the same noise. |value| < 6.8.
  [[nodiscard]] std::array<double, 4> normals(Index sample, Index block) const noexcept {
    const PhiloxCounter w = words(sample, block);
    const double radius0 = std::sqrt(-2.0 * std::log(to_unit(w[0])));
    const double radius1 = std::sqrt(-2.0 * std::log(to_unit(w[2])));
    const double angle0 = 2.0 * std::numbers::pi * to_unit(w[1]);
    const double angle1 = 2.0 * std::numbers::pi * to_unit(w[3]);
    return {radius0 * std::cos(angle0), radius0 * std::sin(angle0), radius1 * std::cos(angle1),
            radius1 * std::sin(angle1)};
  }

  /// Standard normal number of one element.
  [[nodiscard]] double normal(Index sample, Index element) const noexcept {
    return normals(sample, element / 4)[static_cast<std::size_t>(element % 4)];
  }

 private:
  [[nodiscard]] static constexpr double to_unit(std::uint32_t word) noexcept {
    return (static_cast<double>(word) + 0.5) * 0x1p-32;
  }

  PhiloxKey key_;
  std::uint32_t stream_;
};

/// Independent N(0, 1) numbers, shape (d, n): column j is sample `first_sample + j`. Sample i is bitwise the same
/// whatever n, first_sample or the number of threads.
template <class Scalar>
[[nodiscard]] Batch<Scalar> normal_batch(Index d, Index n, Seed seed, Stream stream = streams::initial_noise,
                                         Index first_sample = 0) {
  detail::require(d >= 1 && n >= 0 && first_sample >= 0, "normal_batch: d = ", d, ", n = ", n,
                  ", first_sample = ", first_sample, "; expected d >= 1, n >= 0, first_sample >= 0");
  constexpr Index task_size = 4096;  // a multiple of the four numbers of one Philox block
  const CounterRandom random(seed, stream);
  Batch<Scalar> noise(d, n);
  const Index tasks_per_sample = (d + task_size - 1) / task_size;
  parallel_for(n * tasks_per_sample, 16 * std::min(d, task_size), [&](Index task) {
    const Index column = task / tasks_per_sample;
    const Index begin = (task % tasks_per_sample) * task_size;
    const Index end = std::min(begin + task_size, d);
    for (Index element = begin; element < end; element += 4) {
      const auto values = random.normals(first_sample + column, element / 4);
      const Index count = std::min<Index>(4, end - element);
      for (Index k = 0; k < count; ++k)
        noise(element + k, column) = static_cast<Scalar>(values[static_cast<std::size_t>(k)]);
    }
  });
  return noise;
}

}  // namespace diffarch
