#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/noise_level.hpp"

namespace diffarch::nn {

/// How many numbers tell a network the noise level.
inline constexpr Index level_feature_count = 16;

/// What a network is told of a noise level: cos and sin of w_k log sigma for w_k = pi k / 16, k = 1 ... 8, one after
/// the other. log sigma is moved into [-8, 8], a quarter of the longest wave to either side of 0; so pure noise and a
/// clean level have features, too.
[[nodiscard]] inline std::array<double, level_feature_count> level_features(NoiseLevel level) {
  const double position = level.is_clean() ? -8.0 : std::clamp(std::log(level.sigma()), -8.0, 8.0);
  std::array<double, level_feature_count> features{};
  for (std::size_t k = 0; k < features.size() / 2; ++k) {
    const double angle = std::numbers::pi * static_cast<double>(k + 1) / 16.0 * position;
    features[2 * k] = std::cos(angle);
    features[2 * k + 1] = std::sin(angle);
  }
  return features;
}

/// The features of the levels of a batch, (level_feature_count, samples) in memory of the kernels' backend: what all
/// layers of one network read that are told the level.
template <class Scalar, class Kernels>
struct BatchLevels {
  typename Kernels::template Buffer<Scalar> features = {};  ///< of each sample
  Index samples = 0;                                        ///< how many have features
};

}  // namespace diffarch::nn
