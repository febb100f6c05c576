#pragma once

#include <cmath>
#include <string>

#include "diffarch/core/concepts.hpp"

namespace diffarch {

/// One line for logs, e.g. "CosineSchedule: 10 steps, sigma_T = 20291.2, last sigma = 0.169436".
template <Schedule S>
[[nodiscard]] std::string describe(const S& schedule) {
  return detail::concat(schedule.name(), ": ", schedule.levels());
}

/// The line of `describe(schedule)`, with a warning where sigma_T is less than 10 times `largest_deviation`, the data's
/// largest standard deviation along any direction. Sampling starts from noise of mean 0. Many DDIM steps of a linear
/// denoiser then leave out the part deviation / sqrt(deviation^2 + sigma_T^2) of the data's mean along that direction;
/// the warning names this part. `predicted_distribution` says what is generated for every rule and number of steps.
/// Throws InvalidArgument unless largest_deviation >= 0.
template <Schedule S>
[[nodiscard]] std::string describe(const S& schedule, double largest_deviation) {
  detail::require(largest_deviation >= 0.0, "describe: largest_deviation = ", largest_deviation,
                  ", expected at least 0");
  constexpr double far_above = 10.0;
  const double sigma_T = schedule.levels().sigma_T();
  if (sigma_T >= far_above * largest_deviation) return describe(schedule);
  const double missing = largest_deviation / std::hypot(largest_deviation, sigma_T);
  constexpr double percent = 100.0;
  return detail::concat(describe(schedule), "; warning: sigma_T is only ", sigma_T / largest_deviation,
                        " times the data's largest deviation (", largest_deviation,
                        "): samples start without the data's mean and lack about ", std::round(percent * missing),
                        " % of it along that direction");
}

/// Overload for a model of the linear family: the data's largest deviation is the root of the model's first eigenvalue.
template <Schedule S, SpectralDenoiser M>
[[nodiscard]] std::string describe(const S& schedule, const M& model) {
  const Vector<double>& eigenvalues = model.eigenvalues();
  return describe(schedule, eigenvalues.size() == 0 ? 0.0 : std::sqrt(eigenvalues(0)));
}

}  // namespace diffarch
