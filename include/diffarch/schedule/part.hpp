#pragma once

#include <string>
#include <utility>

#include "diffarch/core/concepts.hpp"

namespace diffarch {

/// Steps `first` to `last` - 1 of a schedule, as a schedule: see `part`.
template <Schedule S>
struct PartOfSchedule {
  S schedule;
  Index first;
  Index last;

  [[nodiscard]] std::string name() const {
    return detail::concat(schedule.name(), ", steps ", first + 1, " to ", last);
  }
  [[nodiscard]] NoiseLevels levels() const { return schedule.levels().part(first, last); }
};

/// Steps `first` to `last` - 1 of a schedule. Such a part may stop at a noisy level, and samples are then y at this
/// level, from which `continue_from` goes on, with the same model or another one:
///
///   auto noisy = sample(coarse, part(schedule, 0, 20), 16, Seed{7});
///   auto images = continue_from(fine, part(schedule, 20, 50), noisy, Ddim{}, Seed{7});
///
/// With one model, for a rule without a memory, the samples are bitwise those of the whole trajectory. The state of a
/// rule with a memory starts anew. Throws InvalidArgument unless 0 <= first < last <= the steps of the schedule.
template <Schedule S>
[[nodiscard]] PartOfSchedule<S> part(S schedule, Index first, Index last) {
  static_cast<void>(schedule.levels().part(first, last));
  return {std::move(schedule), first, last};
}

/// The rest of a schedule from the step whose sigma is nearest to `sigma` on: image to image from noisy images of this
/// level (SDEdit, Meng et al. 2022), whose level is `levels()[0]`. Throws InvalidArgument unless sigma > 0.
template <Schedule S>
[[nodiscard]] PartOfSchedule<S> from_sigma(S schedule, double sigma) {
  detail::require(sigma > 0.0, "from_sigma: sigma = ", sigma, ", expected sigma > 0");
  const NoiseLevels levels = schedule.levels();
  return part(std::move(schedule), levels.nearest_step({1.0 / sigma, 1.0}), levels.steps());
}

}  // namespace diffarch
