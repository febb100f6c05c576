#pragma once

#include <utility>

#include "diffarch/sampler/mode_responses.hpp"
#include "diffarch/sampler/trajectory.hpp"

namespace diffarch {

/// Product over all steps of the per-mode gains of a rule: a deterministic sampler on a SpectralDenoiser maps
///   y_T  ->  mean + U diag(G) U^T (y_T - signal_T mean),
/// and what lies outside span(U) vanishes with the last step. For DDIM in VE coordinates
///   signal_T G(lambda) = prod_i (lambda + sigma_i sigma_{i+1}) / (lambda + sigma_i^2).
/// `eigenvalues` (K) are the data variances lambda; returns G (K). Cost O(K N), no product of matrices.
template <PredictableRule Rule>
[[nodiscard]] Vector<double> trajectory_gains(const Rule& rule, const Vector<double>& eigenvalues,
                                              const NoiseLevels& levels) {
  if constexpr (SpectralRule<Rule>) {
    Vector<double> gains = Vector<double>::Ones(eigenvalues.size());
    for (Index step = 0; step < levels.steps(); ++step)
      for (Index mode = 0; mode < gains.size(); ++mode)
        gains(mode) *= rule.mode_gain(eigenvalues(mode), levels[step], levels[step + 1]);
    return gains;
  } else {
    return detail::mode_responses(rule, eigenvalues, levels).initial;
  }
}

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
