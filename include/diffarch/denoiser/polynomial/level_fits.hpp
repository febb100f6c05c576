#pragma once

#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/noise_levels.hpp"
#include "diffarch/core/progress.hpp"

namespace diffarch::detail {

/// The fits of a model, one for each noise level at which it was fitted.
template <class Fit>
class LevelFits {
 public:
  void add(NoiseLevel level, Fit fit) { fits_.emplace_back(level, std::move(fit)); }

  /// The fit of this level, in whatever coordinates it was added (`is_same_level`), nullptr when there is none. A fit
  /// must therefore depend on sigma alone.
  [[nodiscard]] const Fit* find(NoiseLevel level) const noexcept {
    const Fit* found = nullptr;
    for (const auto& [fitted, fit] : fits_) {
      if (fitted == level) return &fit;
      if (found == nullptr && is_same_level(fitted, level)) found = &fit;
    }
    return found;
  }

  /// use(fit) with the fit of this level, made by make(level) for the call when there is none.
  template <class Make, class Use>
  auto with(NoiseLevel level, const Make& make, const Use& use) const {
    if (const Fit* fit = find(level)) return use(*fit);
    return use(make(level));
  }

  [[nodiscard]] auto begin() const noexcept { return fits_.begin(); }
  [[nodiscard]] auto end() const noexcept { return fits_.end(); }

 private:
  std::vector<std::pair<NoiseLevel, Fit>> fits_;
};

/// Makes a model and fits every noise level of the schedule in advance, reporting each.
template <class MakeModel>
[[nodiscard]] auto fit_levels(const std::string& name, const NoiseLevels& levels, const ProgressCallback& progress,
                              const MakeModel& make_model) {
  ProgressReporter reporter(progress, "fit " + name, levels.steps());
  auto model = make_model();
  for (Index step = 0; step < levels.steps(); ++step) {
    model.fit_level(levels[step]);
    reporter.advance();
  }
  return model;
}

}  // namespace diffarch::detail
