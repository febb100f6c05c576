#pragma once

#include <utility>

#include "diffarch/sampler/trajectory.hpp"

namespace diffarch::detail {

/// A SpanDenoiser seen in its coordinates z = P y: itself a denoiser, of a small dimension and in double, so that every
/// sampler rule works on it unchanged (P is linear, and so are the steps).
template <SpanDenoiser Model>
struct SpanView {
  using Scalar = double;
  using BackendType = Cpu;

  const Model& model;

  [[nodiscard]] Index dimension() const { return model.dimension(); }
  [[nodiscard]] Matrix<double> denoise(const Matrix<double>& z, NoiseLevel level) const {
    return model.project_prediction(model.coefficients(z, level));
  }
};

/// All steps of a rule in the coordinates of a SpanDenoiser: equal to run_steps to rounding. Samples are made at the
/// last step, which returns its prediction, and predictions only for an EscapeLog. Fresh noise is drawn as in run_steps
/// and projected.
template <SpanDenoiser Model, SamplerRule Rule, class... Observers>
[[nodiscard]] StorageOf<Model> run_in_span(const Model& model, const NoiseLevels& levels, const Rule& rule,
                                           StorageOf<Model> noise, Seed seed, Index first_sample,
                                           Observers&... observers) {
  using Scalar = typename Model::Scalar;
  using BackendType = typename Model::BackendType;
  const SpanView<Model> view{model};
  const Index count = noise.cols();
  Matrix<double> z = model.project(noise) * levels[0].scale();
  for (Index step = 0;; ++step) {
    const NoiseLevel level = levels[step];
    const NoiseLevel next = levels[step + 1];
    const Matrix<double> w = model.coefficients(z, level);
    if constexpr (!tolerates_divergence<Observers...>)
      require<NumericalError>(w.allFinite(), "sample: x0_hat is not finite at step ", step + 1, " of ", levels.steps(),
                              " (sigma = ", level.sigma(), ")");
    const bool is_last = step + 1 == levels.steps();
    if (is_last || sizeof...(Observers) > 0) {
      StorageOf<Model> x0_hat = model.materialise(w);
      // Coordinates are double: samples of a narrower type may overflow where they did not.
      if constexpr (!tolerates_divergence<Observers...>) require_finite<Model>(x0_hat, "x0_hat", step, levels);
      (observers.record(BackendType::download(x0_hat), step, level, first_sample), ...);
      if (is_last) return x0_hat;
    }
    rule.advance(view, z, model.project_prediction(w), level, next);
    if (const double scale = rule.noise_scale(level, next); scale > 0.0)
      z += scale * model.project(BackendType::template normal<Scalar>(model.dimension(), count, seed,
                                                                      streams::step_noise(step), first_sample));
  }
}

}  // namespace diffarch::detail
