#pragma once

#include <utility>

#include "diffarch/sampler/mode_responses.hpp"
#include "diffarch/sampler/trajectory.hpp"

namespace diffarch {

namespace detail {

/// All steps at once for a model that is linear in each eigenmode: two products, whatever the number of steps.
template <SpectralDenoiser Model>
[[nodiscard]] StorageOf<Model> run_collapsed(const Model& model, const NoiseLevels& levels, const Vector<double>& gains,
                                             StorageOf<Model> noise) {
  scale_initial_noise<Model>(noise, levels[0]);
  StorageOf<Model> samples = RuleModel<Model>(model).apply_gains(noise, levels[0].signal, gains);
  require_finite<Model>(samples, "the sample", levels.steps() - 1, levels);
  return samples;
}

}  // namespace detail
}  // namespace diffarch
