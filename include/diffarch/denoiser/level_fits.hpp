#pragma once

#include <utility>
#include <vector>

#include "diffarch/core/noise_level.hpp"

namespace diffarch::detail {

/// What a model computed for each noise level it was fitted at.
template <class Fit>
class LevelFits {
 public:
  void add(NoiseLevel level, Fit fit) { fits_.emplace_back(level, std::move(fit)); }

  /// The fit of exactly this level, nullptr when there is none.
  [[nodiscard]] const Fit* find(NoiseLevel level) const noexcept {
    for (const auto& [fitted, fit] : fits_)
      if (fitted == level) return &fit;
    return nullptr;
  }

  [[nodiscard]] auto begin() const noexcept { return fits_.begin(); }
  [[nodiscard]] auto end() const noexcept { return fits_.end(); }

 private:
  std::vector<std::pair<NoiseLevel, Fit>> fits_;
};

}  // namespace diffarch::detail
