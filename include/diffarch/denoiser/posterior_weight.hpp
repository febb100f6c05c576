#pragma once

#include <cmath>
#include <limits>

#include "diffarch/core/noise_level.hpp"

namespace diffarch::detail {

// What the posterior means over training samples and patches share: weights ~ exp(-residual / (2 noise^2)), taken
// relative to the smallest residual.

/// A weight below e^-40 of the largest is less than a rounding of the sum, in double too.
inline constexpr double negligible_exponent = 40.0;

/// 1 / (2 noise^2); infinity without noise.
[[nodiscard]] inline double posterior_precision(NoiseLevel level) noexcept {
  return level.is_clean() ? std::numeric_limits<double>::infinity() : 1.0 / (2.0 * level.noise * level.noise);
}

/// exp(-precision excess) of a squared distance that exceeds the smallest by `excess` >= 0; the limit without noise,
/// where precision is infinite, is 1 at the minimum and 0 elsewhere.
[[nodiscard]] inline double posterior_weight(double excess, double precision) noexcept {
  return excess == 0.0 ? 1.0 : std::exp(-precision * excess);
}

}  // namespace diffarch::detail
