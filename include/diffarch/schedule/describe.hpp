#pragma once

#include <string>

#include "diffarch/core/concepts.hpp"

namespace diffarch {

/// One line for logs, e.g. "CosineSchedule: 10 steps, sigma_T = 20291.2, last sigma = 0.169436".
template <Schedule S>
[[nodiscard]] std::string describe(const S& schedule) {
  return detail::concat(schedule.name(), ": ", schedule.levels());
}

}  // namespace diffarch
