#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/concepts.hpp"

namespace diffarch {

/// A schedule with every sigma multiplied by `sigma_data`: see `scaled`.
template <Schedule S>
struct ScaledSchedule {
  S schedule;
  double sigma_data;

  [[nodiscard]] std::string name() const { return detail::concat(schedule.name(), " (sigma_data = ", sigma_data, ")"); }
  [[nodiscard]] NoiseLevels levels() const {
    detail::require(sigma_data > 0.0 && std::isfinite(sigma_data), "scaled: sigma_data = ", sigma_data,
                    ", expected a finite sigma_data > 0");
    std::vector<NoiseLevel> levels;
    for (NoiseLevel level : schedule.levels()) {
      if (level.signal > 0.0) level.noise *= sigma_data;  // pure noise of any size is pure noise
      levels.push_back(level);
    }
    return NoiseLevels(std::move(levels));
  }
};

/// A schedule that was made for data of standard deviation 1, for data of standard deviation `sigma_data` (of images in
/// [0, 255] about 64): samples of the scaled data are the scaled samples. `standardise` changes the data instead.
/// Throws InvalidArgument unless 0 < sigma_data < infinity, and for a part of a schedule that ends noisy.
template <Schedule S>
[[nodiscard]] ScaledSchedule<S> scaled(S schedule, double sigma_data) {
  ScaledSchedule<S> result{std::move(schedule), sigma_data};
  static_cast<void>(result.levels());
  return result;
}

}  // namespace diffarch
