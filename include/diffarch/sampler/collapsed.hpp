#pragma once

#include <utility>

#include "diffarch/sampler/mode_responses.hpp"
#include "diffarch/sampler/trajectory.hpp"

namespace diffarch {

namespace detail {

/// All steps at once from y (d, n) at the first level, for a model that is linear in each eigenmode: two products,
/// whatever the number of steps. The last level is clean.
template <SpectralDenoiser Model>
[[nodiscard]] StorageOf<Model> take_collapsed_steps(const Model& model, const NoiseLevels& levels,
                                                    const Vector<double>& gains, const StorageOf<Model>& y) {
  StorageOf<Model> samples = RuleModel<Model>(model).apply_gains(y, levels[0].signal, gains);
  require_finite<Model>(samples, "the sample", levels.steps() - 1, levels);
  return samples;
}

}  // namespace detail
}  // namespace diffarch
