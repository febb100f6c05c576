#pragma once

#include <string>
#include <vector>

#include "diffarch/core/memory.hpp"
#include "diffarch/schedule/spacing.hpp"

namespace diffarch {

/// The linear-beta schedule of Ho, Jain and Abbeel (2020), section 4: beta_t from beta_first at t = 1 to beta_last at
/// t = T, alpha_bar_t = prod_{u <= t} (1 - beta_u). With the defaults sigma_T is about 157.
struct LinearBetaSchedule {
  Index steps = 50;  ///< sampling steps N, 1 <= steps <= train_steps
  double beta_first = 1e-4;
  double beta_last = 0.02;
  Index train_steps = 1000;
  Spacing spacing = Spacing::trailing;

  [[nodiscard]] std::string name() const { return "LinearBetaSchedule"; }
  [[nodiscard]] NoiseLevels levels() const {
    detail::require(train_steps >= 1, name(), ": train_steps = ", train_steps, ", expected at least 1");
    detail::require(beta_first > 0.0 && beta_first < 1.0 && beta_last > 0.0 && beta_last < 1.0, name(),
                    ": beta_first = ", beta_first, " and beta_last = ", beta_last, ", expected both in (0, 1)");
    detail::require_memory<double>(1, train_steps, name(), ": the noise levels");
    std::vector<double> alpha_bar{1.0};
    for (Index t = 1; t <= train_steps; ++t) {
      const double fraction =
          train_steps == 1 ? 1.0 : static_cast<double>(t - 1) / static_cast<double>(train_steps - 1);
      alpha_bar.push_back(alpha_bar.back() * (1.0 - (beta_first + fraction * (beta_last - beta_first))));
    }
    return detail::spaced_levels(alpha_bar, steps, spacing, name());
  }
};

}  // namespace diffarch
