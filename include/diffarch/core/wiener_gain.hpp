#pragma once

#include <cmath>

#include "diffarch/core/noise_level.hpp"

namespace diffarch {

/// Response of the posterior mean of N(0, lambda) data to y: E[x0 | y] = wiener_gain * y with
///   lambda signal / (lambda signal^2 + noise^2),
/// in VE coordinates the Wiener filter lambda / (lambda + sigma^2). No inverse of lambda: lambda = 0 gives 0, and pure
/// noise (signal 0) gives 0. Requires lambda >= 0; lambda = 0 at the clean level is defined as 0.
[[nodiscard]] inline double wiener_gain(double lambda, NoiseLevel level) noexcept {
  return lambda > 0.0 ? lambda * level.signal / (lambda * level.signal * level.signal + level.noise * level.noise)
                      : 0.0;
}

/// The factor of the exact flow along a mode of variance lambda >= 0:
///   sqrt((lambda signal'^2 + noise'^2) / (lambda signal^2 + noise^2)).
[[nodiscard]] inline double exact_flow_gain(double lambda, NoiseLevel from, NoiseLevel to) noexcept {
  const double deviation = std::sqrt(lambda);
  return std::hypot(deviation * to.signal, to.noise) / std::hypot(deviation * from.signal, from.noise);
}

}  // namespace diffarch
