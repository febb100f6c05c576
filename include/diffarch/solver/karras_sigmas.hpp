#pragma once

#include <cmath>
#include <vector>

#include "diffarch/core/batch.hpp"

namespace diffarch::detail {

/// The noisy levels of Karras et al. (2022, eq. 5), whose sigma^(1 / rho) falls in equal steps from sigma_max to
/// sigma_min: N = `steps` >= 1 values of sigma, the first of them sigma_max itself. A single one is sigma_max.
[[nodiscard]] inline std::vector<double> karras_sigmas(double sigma_min, double sigma_max, double rho, Index steps) {
  const double first = std::pow(sigma_max, 1.0 / rho);
  const double last = std::pow(sigma_min, 1.0 / rho);
  std::vector<double> sigmas{sigma_max};
  for (Index i = 1; i < steps; ++i) {
    const double fraction = static_cast<double>(i) / static_cast<double>(steps - 1);
    sigmas.push_back(std::pow(first + fraction * (last - first), rho));
  }
  return sigmas;
}

}  // namespace diffarch::detail
