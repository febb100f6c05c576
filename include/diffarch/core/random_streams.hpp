#pragma once

#include <bit>
#include <cstdint>

#include "diffarch/core/batch.hpp"

namespace diffarch {

/// Which use random numbers are for. Two uses of one seed never share numbers when their streams differ. Streams below
/// 2^16 belong to the library and are all listed in `streams`; the others are free for programs.
struct Stream {
  std::uint32_t value = 0;
  friend constexpr bool operator==(Stream, Stream) = default;
};

/// Every use that the library has for random numbers. A new use takes a number that is free here.
namespace streams {

inline constexpr Stream initial_noise{0};     ///< x_T of the sampler
inline constexpr Stream data{1};              ///< synthetic data: continuous parameters
inline constexpr Stream labels{2};            ///< synthetic data: discrete choices
inline constexpr Stream directions{3};        ///< fixed random directions of features
inline constexpr Stream biases{4};            ///< fixed random biases of features
inline constexpr Stream weights{5};           ///< initial weights of networks
inline constexpr Stream evaluation_noise{6};  ///< noise on clean samples that denoisers are evaluated with
inline constexpr Stream permutations{8};      ///< permutation tests
inline constexpr Stream bootstrap{20};        ///< resampling with replacement
inline constexpr Stream trace_probes{21};     ///< random vectors that traces of Jacobians are estimated with
inline constexpr Stream cluster_starts{30};   ///< samples at which clusters start
inline constexpr Stream level_choices{31};    ///< levels of the samples in the training of one network for all levels
inline constexpr Stream shared_noise{32};     ///< noise of that training
inline constexpr Stream shared_order{33};     ///< order of the samples in that training

/// Fresh noise of stochastic sampler rules at step `step` (0-based). The first 7,936 steps share their numbers with no
/// other use.
[[nodiscard]] constexpr Stream step_noise(Index step) noexcept { return {0x100U + static_cast<std::uint32_t>(step)}; }
/// Noise that a rule adds before the denoiser is called. The first 8,192 steps share their numbers with no other use.
[[nodiscard]] constexpr Stream raising_noise(Index step) noexcept {
  return {0x2000U + static_cast<std::uint32_t>(step)};
}

/// One of 2^14 by the bits of sigma (Fibonacci hashing).
[[nodiscard]] constexpr std::uint32_t level_number(double sigma) noexcept {
  return static_cast<std::uint32_t>((std::bit_cast<std::uint64_t>(sigma) * 0x9E3779B97F4A7C15U) >> 50U);
}
/// Noise that a fit draws at one noise level.
[[nodiscard]] constexpr Stream fit_noise(double sigma) noexcept { return {0x4000U + level_number(sigma)}; }
/// Random directions of features, and initial weights of networks, that differ between noise levels.
[[nodiscard]] constexpr Stream level_directions(double sigma) noexcept { return {0x8000U + level_number(sigma)}; }
/// Order of the samples in the training of one noise level.
[[nodiscard]] constexpr Stream sample_order(double sigma) noexcept { return {0xC000U + level_number(sigma)}; }

}  // namespace streams
}  // namespace diffarch
