#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "diffarch/core/noise_levels.hpp"

namespace diffarch {

/// Which N of the T levels t = 1 ... T of a training table sampling visits (Lin et al. 2024, "Common diffusion noise
/// schedules and sample steps are flawed", table 2, with N = 10 of T = 1000; diffusers: `timestep_spacing`).
enum class Spacing {
  trailing,  ///< 1000, 900, ..., 100: sampling starts at T exactly
  leading,   ///< 901, 801, ..., 1: sampling starts below T, and so not from pure noise
  linspace,  ///< 1000, 889, ..., 1: both ends; for N = 1 only the cleanest level
};

namespace detail {

/// The index of step i of N in a table of T + 1 levels whose first is clean.
[[nodiscard]] inline Index spaced_index(Spacing spacing, Index i, Index steps, Index train_steps) {
  switch (spacing) {
    case Spacing::leading:
      return (steps - 1 - i) * (train_steps / steps) + 1;
    case Spacing::linspace:
      return steps == 1 ? 1
                        : 1 + static_cast<Index>(std::nearbyint(
                                  static_cast<double>(steps - 1 - i) *
                                  (static_cast<double>(train_steps - 1) / static_cast<double>(steps - 1))));
    case Spacing::trailing:
      break;
  }
  // Round half up in integers: the same index on every machine.
  return (2 * train_steps * (steps - i) + steps) / (2 * steps);
}

/// Picks N levels out of a training table alpha_bar[0] = 1 ... alpha_bar[T], and the clean one.
[[nodiscard]] inline NoiseLevels spaced_levels(const std::vector<double>& alpha_bar, Index steps, Spacing spacing,
                                               const std::string& schedule_name) {
  const Index train_steps = static_cast<Index>(alpha_bar.size()) - 1;
  require(steps >= 1 && steps <= train_steps, schedule_name, ": steps = ", steps,
          ", expected 1 <= steps <= ", train_steps, " (train_steps)");
  std::vector<NoiseLevel> levels;
  levels.reserve(static_cast<std::size_t>(steps) + 1);
  for (Index i = 0; i < steps; ++i)
    levels.push_back(
        NoiseLevel::from_alpha_bar(alpha_bar[static_cast<std::size_t>(spaced_index(spacing, i, steps, train_steps))]));
  levels.push_back(NoiseLevel::from_alpha_bar(alpha_bar[0]));
  return NoiseLevels(std::move(levels));
}

}  // namespace detail
}  // namespace diffarch
