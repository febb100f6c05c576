#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "diffarch/core/memory.hpp"
#include "diffarch/schedule/spacing.hpp"

namespace diffarch {

namespace detail {

/// alpha_bar[t] = prod_{u <= t} (1 - beta_u), beta_u = min(1 - f(u/T) / f((u-1)/T), max_beta),
/// f(t) = cos^2((t + offset) / (1 + s) pi / 2).
[[nodiscard]] inline std::vector<double> cosine_alpha_bar(double offset, double s, double max_beta, Index train_steps) {
  const auto f = [&](Index t) {
    const double c = std::cos((static_cast<double>(t) / static_cast<double>(train_steps) + offset) / (1.0 + s) *
                              std::numbers::pi / 2.0);
    return c * c;
  };
  std::vector<double> alpha_bar{1.0};
  for (Index t = 1; t <= train_steps; ++t)
    alpha_bar.push_back(alpha_bar.back() * (1.0 - std::min(1.0 - f(t) / f(t - 1), max_beta)));
  return alpha_bar;
}

inline void require_cosine_parameters(const char* name, double s, double max_beta, Index train_steps) {
  require(train_steps >= 1, name, ": train_steps = ", train_steps, ", expected at least 1");
  require_memory<double>(1, train_steps, name, ": the noise levels");
  require(s > 0.0 && std::isfinite(s), name, ": s = ", s, ", expected a finite s > 0");
  require(max_beta > 0.0 && max_beta < 1.0, name, ": max_beta = ", max_beta, ", expected 0 < max_beta < 1");
}

}  // namespace detail

/// The cosine schedule of Nichol and Dhariwal (2021), eq. 17: alpha_bar(t) = f(t) / f(0) with
/// f(t) = cos^2((t + s) / (1 + s) pi / 2), on a table of T = train_steps levels with beta clipped at max_beta.
/// With the defaults sigma_T is about 2.03e4. In VE coordinates the sigmas are nearly tan(equal angles), which makes it
/// the DDIM schedule that loses least variance where the data variance is 1.
struct CosineSchedule {
  Index steps = 50;  ///< sampling steps N, 1 <= steps <= train_steps
  double s = 0.008;
  double max_beta = 0.999;
  Index train_steps = 1000;
  Spacing spacing = Spacing::trailing;

  [[nodiscard]] std::string name() const { return "CosineSchedule"; }
  [[nodiscard]] NoiseLevels levels() const {
    detail::require_cosine_parameters("CosineSchedule", s, max_beta, train_steps);
    return detail::spaced_levels(detail::cosine_alpha_bar(s, s, max_beta, train_steps), steps, spacing, name());
  }
};

/// The cosine schedule without the offset in the numerator, alpha_bar(t) = cos^2(t / (1 + s) pi / 2), as in the code of
/// Kamb and Ganguli (2024). With the defaults sigma_T is about 80.2 and no beta is clipped.
struct OffsetFreeCosineSchedule {
  Index steps = 50;  ///< sampling steps N, 1 <= steps <= train_steps
  double s = 0.008;
  double max_beta = 0.999;
  Index train_steps = 1000;
  Spacing spacing = Spacing::trailing;

  [[nodiscard]] std::string name() const { return "OffsetFreeCosineSchedule"; }
  [[nodiscard]] NoiseLevels levels() const {
    detail::require_cosine_parameters("OffsetFreeCosineSchedule", s, max_beta, train_steps);
    return detail::spaced_levels(detail::cosine_alpha_bar(0.0, s, max_beta, train_steps), steps, spacing, name());
  }
};

}  // namespace diffarch
