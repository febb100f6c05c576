#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/box_muller.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random_streams.hpp"

namespace diffarch {

/// Identity of a run's randomness. Every random number is a function of (seed, stream, sample, element) alone.
struct Seed {
  std::uint64_t value = 0;
};

using PhiloxCounter = std::array<std::uint32_t, 4>;  ///< what is encrypted, lowest word first
using PhiloxKey = std::array<std::uint32_t, 2>;      ///< what it is encrypted with, the seed

namespace detail {
inline constexpr std::uint64_t philox_multiplier0 = 0xD2511F53U;
inline constexpr std::uint64_t philox_multiplier1 = 0xCD9E8D57U;
inline constexpr std::uint32_t philox_weyl0 = 0x9E3779B9U;
inline constexpr std::uint32_t philox_weyl1 = 0xBB67AE85U;
inline constexpr int philox_rounds = 10;
}  // namespace detail

/// Philox 4x32-10: ten rounds of a keyed bijection on 128-bit counters, integers only, the same on every machine.
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3.
[[nodiscard]] constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) noexcept {
  for (int round = 0; round < detail::philox_rounds; ++round) {
    const std::uint64_t product0 = detail::philox_multiplier0 * counter[0];
    const std::uint64_t product1 = detail::philox_multiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32U) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32U) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += detail::philox_weyl0;
    key[1] += detail::philox_weyl1;
  }
  return counter;
}

using PhiloxCounterLanes = std::array<WordLanes, 4>;  ///< PhiloxCounter of each lane

namespace detail {
/// The type that holds a word between the rounds on lanes. Words are best kept in 64 bits where vectors multiply 64-bit
/// lanes in one instruction; compilers for older processors do better with 32 bits.
#ifdef __AVX512DQ__
using PhiloxLane = std::uint64_t;
#else
using PhiloxLane = std::uint32_t;
#endif
}  // namespace detail

/// Philox for many counters under one key; element [j][i] is word j of counter i. Compilers turn the loops into vector
/// instructions.
[[nodiscard]] inline PhiloxCounterLanes philox4x32_lanes(const PhiloxCounterLanes& counters, PhiloxKey key) noexcept {
  constexpr std::uint64_t low = 0xFFFFFFFFU;
  std::array<std::array<detail::PhiloxLane, random_lanes>, 4> x;
  for (std::size_t j = 0; j < 4; ++j)
    for (std::size_t i = 0; i < random_lanes; ++i) x[j][i] = counters[j][i];
  for (int round = 0; round < detail::philox_rounds; ++round) {
    for (std::size_t i = 0; i < random_lanes; ++i) {
      const std::uint64_t product0 = detail::philox_multiplier0 * (x[0][i] & low);
      const std::uint64_t product1 = detail::philox_multiplier1 * (x[2][i] & low);
      x[0][i] = static_cast<detail::PhiloxLane>((product1 >> 32U) ^ (x[1][i] & low) ^ key[0]);
      x[1][i] = static_cast<detail::PhiloxLane>(product1);
      x[2][i] = static_cast<detail::PhiloxLane>((product0 >> 32U) ^ (x[3][i] & low) ^ key[1]);
      x[3][i] = static_cast<detail::PhiloxLane>(product0);
    }
    key[0] += detail::philox_weyl0;
    key[1] += detail::philox_weyl1;
  }
  PhiloxCounterLanes words;
  for (std::size_t j = 0; j < 4; ++j)
    for (std::size_t i = 0; i < random_lanes; ++i) words[j][i] = static_cast<std::uint32_t>(x[j][i]);
  return words;
}

/// Counter-based source of the numbers of one (seed, stream): a pure function of (sample, element).
class CounterRandom {
 public:
  using IndexLanes = std::array<Index, random_lanes>;

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

  /// Words of many blocks: lane i of word j is words(samples[i], blocks[i])[j].
  [[nodiscard]] PhiloxCounterLanes words(const IndexLanes& samples, const IndexLanes& blocks) const noexcept {
    PhiloxCounterLanes counters;
    for (std::size_t i = 0; i < random_lanes; ++i) {
      const auto s = static_cast<std::uint64_t>(samples[i]);
      counters[0][i] = static_cast<std::uint32_t>(blocks[i]);
      counters[1][i] = static_cast<std::uint32_t>(s);
      counters[2][i] = static_cast<std::uint32_t>(s >> 32U);
      counters[3][i] = stream_;
    }
    return philox4x32_lanes(counters, key_);
  }

  /// uniform(sample, element) of the first elements.
  void uniforms(Index sample, std::span<double> values) const noexcept {
    constexpr std::size_t group = 4 * random_lanes;
    IndexLanes samples;
    IndexLanes blocks;
    samples.fill(sample);
    for (std::size_t begin = 0; begin < values.size(); begin += group) {
      for (std::size_t i = 0; i < random_lanes; ++i) blocks[i] = static_cast<Index>(begin / 4 + i);
      const PhiloxCounterLanes w = words(samples, blocks);
      for (std::size_t i = 0; i < std::min(group, values.size() - begin); ++i)
        values[begin + i] = to_unit(w[i % 4][i / 4]);
    }
  }

  /// Standard normal numbers of elements 4 * block ... 4 * block + 3, two pairs of `box_muller`. Computed in double
  /// whatever type they are stored in, so that f32 and f64 runs see the same noise. |value| < 6.8. As much work as that
  /// of many blocks: where there are many, take `for_each_normal`.
  [[nodiscard]] std::array<double, 4> normals(Index sample, Index block) const noexcept {
    const PhiloxCounter w = words(sample, block);
    const NormalPairs pairs = box_muller({w[0], w[2]}, {w[1], w[3]});
    return {pairs.first[0], pairs.second[0], pairs.first[1], pairs.second[1]};
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

/// Calls use(i, normal) for every element i = column * d + row of a column-major (d, n) array, once and in any order,
/// on all threads: `normal` is random.normal(sample_of(column), row), bit by bit. d >= 1, n >= 0.
template <class SampleOf, class Use>
void for_each_normal(const CounterRandom& random, Index d, Index n, const SampleOf& sample_of, const Use& use) {
  // All blocks of all columns in a row, so that lanes are busy also where a column has few.
  const Index blocks_per_column = (d + 3) / 4;
  const Index blocks = n * blocks_per_column;
  constexpr auto lanes = static_cast<Index>(random_lanes);
  constexpr Index task_size = 32 * lanes;
  constexpr Index operations = 30;  // of one block
  parallel_for((blocks + task_size - 1) / task_size, operations * std::min(blocks, task_size), [&](Index task) {
    const Index end = std::min(blocks, (task + 1) * task_size);
    Index column = task * task_size / blocks_per_column;
    Index block = task * task_size % blocks_per_column;
    for (Index first = task * task_size; first < end; first += lanes) {
      const auto count = static_cast<std::size_t>(std::min(lanes, end - first));
      CounterRandom::IndexLanes columns{};
      CounterRandom::IndexLanes samples{};
      CounterRandom::IndexLanes in_column{};
      for (std::size_t i = 0; i < count; ++i) {
        columns[i] = column;
        in_column[i] = block;
        samples[i] = sample_of(column);
        const bool is_last = ++block == blocks_per_column;
        column += is_last ? 1 : 0;
        block = is_last ? 0 : block;
      }
      const PhiloxCounterLanes words = random.words(samples, in_column);
      for (Index pair = 0; pair < (d > 2 ? 2 : 1); ++pair) {
        const auto word = static_cast<std::size_t>(2 * pair);
        const NormalPairs normals = box_muller(words[word], words[word + 1]);
        for (std::size_t i = 0; i < count; ++i) {
          const Index row = 4 * in_column[i] + 2 * pair;
          const Index element = columns[i] * d + row;
          if (row < d) use(element, normals.first[i]);
          if (row + 1 < d) use(element + 1, normals.second[i]);
        }
      }
    }
  });
}

/// Independent N(0, 1) numbers, shape (d, n): column j is sample `first_sample + j`. Sample i is bitwise the same
/// whatever n, first_sample or the number of threads.
template <class Scalar>
[[nodiscard]] Batch<Scalar> normal_batch(Index d, Index n, Seed seed, Stream stream = streams::initial_noise,
                                         Index first_sample = 0) {
  detail::require(d >= 1 && n >= 0 && first_sample >= 0, "normal_batch: d = ", d, ", n = ", n,
                  ", first_sample = ", first_sample, "; expected d >= 1, n >= 0, first_sample >= 0");
  detail::require_memory<Scalar>(d, n, "noise");
  Batch<Scalar> noise(d, n);
  for_each_normal(
      CounterRandom(seed, stream), d, n, [=](Index column) { return first_sample + column; },
      [values = noise.data()](Index i, double normal) { values[i] = static_cast<Scalar>(normal); });
  return noise;
}

}  // namespace diffarch
