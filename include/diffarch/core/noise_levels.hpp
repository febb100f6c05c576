#pragma once

#include <cmath>
#include <limits>
#include <ostream>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/noise_level.hpp"

namespace diffarch {

/// The noise levels a sampler visits: noisiest first, the last one exactly clean. N steps need N + 1 levels. A `part`
/// of them may stop at a noisy level.
///
/// The constructor is the one place that checks a schedule. It throws InvalidArgument, naming the level, unless
///  - there is at least one step,
///  - every signal and noise is finite and not negative, and only the first level may be pure noise (signal 0),
///  - sigma decreases strictly,
///  - the last level is exactly {signal 1, noise 0}, so that the last step returns the clean prediction itself.
class NoiseLevels {
 public:
  explicit NoiseLevels(std::vector<NoiseLevel> levels) : levels_(std::move(levels)) {
    detail::require(levels_.size() >= 2,
                    "NoiseLevels: zero steps; expected at least one noisy level and the clean one, got ",
                    levels_.size(), " level(s)");
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const NoiseLevel& level = levels_[i];
      detail::require(std::isfinite(level.signal) && std::isfinite(level.noise) && level.signal >= 0.0 &&
                          level.noise >= 0.0 && (level.signal > 0.0 || (i == 0 && level.noise > 0.0)),
                      "NoiseLevels: level ", i, " has signal ", level.signal, " and noise ", level.noise,
                      "; expected finite, not negative, and signal > 0 after the first level");
      if (i > 0)
        detail::require(level.sigma() < levels_[i - 1].sigma(), "NoiseLevels: not decreasing: sigma = ", level.sigma(),
                        " at level ", i, " follows sigma = ", levels_[i - 1].sigma());
    }
    detail::require(levels_.back() == NoiseLevel{1.0, 0.0}, "NoiseLevels: the last level has signal ",
                    levels_.back().signal, " and noise ", levels_.back().noise,
                    "; expected the clean level (signal 1, noise 0)");
    whole_steps_ = steps();
  }

  /// The levels from number `first` to number `last` of these: steps `first` to `last` - 1 of the trajectory. Its fresh
  /// noise is that of the same steps of the whole (`first_step`). Throws InvalidArgument unless 0 <= first < last <=
  /// steps().
  [[nodiscard]] NoiseLevels part(Index first, Index last) const {
    detail::require(first >= 0 && first < last && last <= steps(), "NoiseLevels: a part from level ", first, " to ",
                    last, " of ", steps(), " steps; expected 0 <= first < last <= ", steps());
    NoiseLevels result = *this;
    result.levels_.assign(levels_.begin() + first, levels_.begin() + last + 1);
    result.first_step_ = first_step_ + first;
    return result;
  }

  /// Whether the last level is clean, so that samples are made. A part may stop before.
  [[nodiscard]] bool ends_clean() const noexcept { return levels_.back().is_clean(); }
  /// Number of the first step in the trajectory that this is a part of; 0 for a whole one.
  [[nodiscard]] Index first_step() const noexcept { return first_step_; }
  /// Number of steps of the trajectory that this is a part of; steps() for a whole one.
  [[nodiscard]] Index whole_steps() const noexcept { return whole_steps_; }

  /// Number N of sampling steps: one less than the number of levels.
  [[nodiscard]] Index steps() const noexcept { return static_cast<Index>(levels_.size()) - 1; }

  /// Level i in [0, steps()]; no bounds check.
  [[nodiscard]] const NoiseLevel& operator[](Index i) const noexcept { return levels_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] auto begin() const noexcept { return levels_.begin(); }
  [[nodiscard]] auto end() const noexcept { return levels_.end(); }

  /// Largest sigma: where sampling starts. Infinity when the first level is pure noise.
  [[nodiscard]] double sigma_T() const noexcept { return levels_.front().sigma(); }
  /// Number of levels that are not clean: the N of the calls of the denoiser, and one more for a part that stops noisy.
  [[nodiscard]] Index noisy_levels() const noexcept { return ends_clean() ? steps() : steps() + 1; }
  /// Smallest sigma > 0: the level of the last denoiser call, or where a part stops.
  [[nodiscard]] double last_sigma() const noexcept { return (*this)[noisy_levels() - 1].sigma(); }

  /// The step, in [0, steps()), that starts at the sigma nearest to this level's on a logarithmic scale.
  [[nodiscard]] Index nearest_step(NoiseLevel level) const noexcept {
    if (level.is_clean()) return steps() - 1;
    Index nearest = 0;
    double distance = std::numeric_limits<double>::infinity();
    for (Index step = 0; step < steps(); ++step) {
      if (is_same_level((*this)[step], level)) return step;
      const double candidate = std::abs(std::log((*this)[step].sigma() / level.sigma()));
      if (candidate < distance) {
        distance = candidate;
        nearest = step;
      }
    }
    return nearest;
  }

  /// All N + 1 sigmas, decreasing, the last one 0 but for a part that stops noisy.
  [[nodiscard]] std::vector<double> sigmas() const {
    std::vector<double> values;
    values.reserve(levels_.size());
    for (const NoiseLevel& level : levels_) values.push_back(level.sigma());
    return values;
  }

  friend bool operator==(const NoiseLevels&, const NoiseLevels&) = default;

 private:
  std::vector<NoiseLevel> levels_;
  Index first_step_ = 0;
  Index whole_steps_ = 0;
};

/// Their number, sigma_T and the last sigma above zero.
inline std::ostream& operator<<(std::ostream& out, const NoiseLevels& levels) {
  return out << levels.steps() << " steps, sigma_T = " << levels.sigma_T() << ", last sigma = " << levels.last_sigma();
}

}  // namespace diffarch
