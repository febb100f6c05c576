#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "diffarch/core/error.hpp"

namespace diffarch {

/// One noise level of a diffusion: y = signal * x0 + noise * epsilon with epsilon ~ N(0, I).
///
/// Variance preserving (VP): signal^2 + noise^2 = 1, alpha_bar = signal^2 (Ho et al. 2020, eq. 4).
/// Variance exploding (VE): signal = 1, noise = sigma (Karras et al. 2022, section 2).
/// Both describe the same level when sigma = noise / signal agrees: y_VE = y_VP / sqrt(alpha_bar).
/// Pure noise is signal = 0 (sigma infinite); clean is noise = 0 (sigma = 0, alpha_bar = 1).
struct NoiseLevel {
  double signal = 1.0;
  double noise = 0.0;

  /// The VP level of a given alpha_bar in [0, 1]; throws InvalidArgument outside.
  [[nodiscard]] static NoiseLevel from_alpha_bar(double alpha_bar) {
    detail::require(alpha_bar >= 0.0 && alpha_bar <= 1.0, "NoiseLevel: alpha_bar = ", alpha_bar,
                    ", expected 0 <= alpha_bar <= 1");
    return {std::sqrt(alpha_bar), std::sqrt(1.0 - alpha_bar)};
  }

  /// The VE level of a given finite sigma >= 0; throws InvalidArgument otherwise.
  [[nodiscard]] static NoiseLevel from_sigma(double sigma) {
    detail::require(sigma >= 0.0 && std::isfinite(sigma), "NoiseLevel: sigma = ", sigma,
                    ", expected a finite sigma >= 0");
    return {1.0, sigma};
  }

  /// Standard deviation of the noise relative to the signal; infinity for pure noise.
  [[nodiscard]] double sigma() const noexcept {
    return signal > 0.0 ? noise / signal : std::numeric_limits<double>::infinity();
  }

  /// 1 / (1 + sigma^2), in [0, 1].
  [[nodiscard]] double alpha_bar() const noexcept { return signal * signal / (signal * signal + noise * noise); }

  /// Root mean square of y per element for white data of unit variance: 1 for every VP level.
  [[nodiscard]] double scale() const noexcept { return std::hypot(signal, noise); }

  [[nodiscard]] bool is_clean() const noexcept { return noise == 0.0; }

  /// Returns the level of the same sigma in VP coordinates (y_VP = y / scale()).
  [[nodiscard]] NoiseLevel variance_preserving() const noexcept { return {signal / scale(), noise / scale()}; }

  /// Returns the level of the same sigma in VE coordinates (y_VE = y / signal). Throws InvalidArgument for pure noise.
  [[nodiscard]] NoiseLevel variance_exploding() const {
    detail::require(signal > 0.0, "NoiseLevel: pure noise (alpha_bar = 0) has no finite sigma");
    return {1.0, noise / signal};
  }

  /// Whether signal and noise are equal, and so the coordinates too. `is_same_level` compares levels in any
  /// coordinates.
  friend bool operator==(const NoiseLevel&, const NoiseLevel&) = default;
};

/// Whether two levels are the same one, in whatever coordinates: their sigmas agree to 1e-9 of their size, which
/// conversions between VP and VE do, and two levels of a schedule do not.
[[nodiscard]] inline bool is_same_level(NoiseLevel a, NoiseLevel b) noexcept {
  const double first = a.sigma();
  const double second = b.sigma();
  return first == second || std::abs(first - second) <= 1e-9 * std::min(first, second);
}

}  // namespace diffarch
