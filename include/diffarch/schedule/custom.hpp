#pragma once

#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/noise_levels.hpp"

namespace diffarch {

/// A schedule given level by level: noisiest first, strictly decreasing, the clean level last. The rules of
/// `NoiseLevels` are checked when it is made.
class CustomSchedule {
 public:
  explicit CustomSchedule(std::vector<NoiseLevel> levels) : levels_(std::move(levels)) {}

  /// VE levels of decreasing sigmas, the last one 0.
  [[nodiscard]] static CustomSchedule from_sigmas(const std::vector<double>& sigmas) {
    std::vector<NoiseLevel> levels;
    levels.reserve(sigmas.size());
    for (const double sigma : sigmas) levels.push_back(NoiseLevel::from_sigma(sigma));
    return CustomSchedule(std::move(levels));
  }

  /// VP levels of increasing alpha_bars, the last one 1; the first may be 0 (pure noise).
  [[nodiscard]] static CustomSchedule from_alpha_bars(const std::vector<double>& alpha_bars) {
    std::vector<NoiseLevel> levels;
    levels.reserve(alpha_bars.size());
    for (const double alpha_bar : alpha_bars) levels.push_back(NoiseLevel::from_alpha_bar(alpha_bar));
    return CustomSchedule(std::move(levels));
  }

  [[nodiscard]] std::string name() const { return "CustomSchedule"; }
  [[nodiscard]] NoiseLevels levels() const { return levels_; }

 private:
  NoiseLevels levels_;
};

}  // namespace diffarch
