#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "diffarch/core/noise_levels.hpp"

namespace diffarch::detail {

/// Picks N + 1 levels out of a training table alpha_bar[0] = 1 ... alpha_bar[T]: indices round(T (N - i) / N), so that
/// sampling starts at T exactly and ends at the clean 0 exactly ("trailing" spacing; Lin et al. 2024, "Common diffusion
/// noise schedules and sample steps are flawed", section 3.3).
[[nodiscard]] inline NoiseLevels trailing_levels(const std::vector<double>& alpha_bar, Index steps,
                                                 const std::string& schedule_name) {
  const Index train_steps = static_cast<Index>(alpha_bar.size()) - 1;
  require(steps >= 1 && steps <= train_steps, schedule_name, ": steps = ", steps,
          ", expected 1 <= steps <= ", train_steps, " (train_steps)");
  std::vector<NoiseLevel> levels;
  levels.reserve(static_cast<std::size_t>(steps) + 1);
  for (Index i = 0; i <= steps; ++i) {
    // Round half up in integers: the same index on every machine.
    const Index t = (2 * train_steps * (steps - i) + steps) / (2 * steps);
    levels.push_back(NoiseLevel::from_alpha_bar(alpha_bar[static_cast<std::size_t>(t)]));
  }
  return NoiseLevels(std::move(levels));
}

}  // namespace diffarch::detail
