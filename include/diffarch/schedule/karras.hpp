#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "diffarch/core/memory.hpp"
#include "diffarch/core/noise_levels.hpp"
#include "diffarch/solver/karras_sigmas.hpp"

namespace diffarch {

/// The VE schedule of Karras, Aittala, Aila and Laine (2022, "EDM"), eq. 5:
///   sigma_i = (sigma_max^(1/rho) + i / (N - 1) (sigma_min^(1/rho) - sigma_max^(1/rho)))^rho, i = 0 ... N - 1,
/// and sigma_N = 0. A single step (N = 1) goes from sigma_max to 0.
struct KarrasSchedule {
  Index steps = 18;  ///< sampling steps N >= 1
  double sigma_min = 0.002;
  double sigma_max = 80.0;
  double rho = 7.0;

  [[nodiscard]] std::string name() const { return "KarrasSchedule"; }
  [[nodiscard]] NoiseLevels levels() const {
    detail::require(steps >= 1, name(), ": steps = ", steps, ", expected at least 1");
    detail::require(sigma_min > 0.0 && sigma_min < sigma_max && std::isfinite(sigma_max), name(),
                    ": sigma_min = ", sigma_min, " and sigma_max = ", sigma_max,
                    ", expected 0 < sigma_min < sigma_max");
    detail::require(rho > 0.0 && std::isfinite(rho), name(), ": rho = ", rho, ", expected a finite rho > 0");
    detail::require_memory<NoiseLevel>(1, steps, name(), ": the noise levels");
    std::vector<NoiseLevel> levels;
    for (const double sigma : detail::karras_sigmas(sigma_min, sigma_max, rho, steps))
      levels.push_back(NoiseLevel::from_sigma(sigma));
    levels.push_back(NoiseLevel{});
    return NoiseLevels(std::move(levels));
  }
};

}  // namespace diffarch
