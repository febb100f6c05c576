#pragma once

#include <concepts>
#include <utility>

#include "diffarch/sampler/trajectory.hpp"

namespace diffarch::detail {

/// A SpanDenoiser seen in its coordinates z = P y: itself a denoiser, of a small dimension and in double, so that every
/// sampler rule works on it unchanged (P is linear, and so are the steps).
template <SpanDenoiser Model>
struct SpanView {
  using Scalar = double;
  using BackendType = typename Model::BackendType;
  using Coordinates = CoordinatesOf<Model>;

  const Model& model;

  [[nodiscard]] Index dimension() const { return model.dimension(); }
  [[nodiscard]] Coordinates denoise(const Coordinates& z, NoiseLevel level) const {
    return project_prediction(coefficients(z, level), z);
  }

  /// w, a column for each of z.
  [[nodiscard]] Coordinates coefficients(const Coordinates& z, NoiseLevel level) const {
    Coordinates w = model.coefficients(z, level);
    require_shape(w, w.rows(), z.cols(), "coefficients: for coordinates of ", shape_text(z), " the result");
    return w;
  }

  /// P x0_hat, of the shape of z.
  [[nodiscard]] Coordinates project_prediction(const Coordinates& w, const Coordinates& z) const {
    Coordinates projection = model.project_prediction(w);
    require_shape(projection, z.rows(), z.cols(), "project_prediction: for coordinates of ", shape_text(z),
                  " the result");
    return projection;
  }
};

/// All steps of a rule in the coordinates of a SpanDenoiser: equal to take_steps to rounding. Samples are made at the
/// last step, which returns its prediction; predictions before it only where a sample could escape. Fresh noise is
/// drawn as in take_steps and projected.
template <SpanDenoiser Model, SamplerRule Rule, std::same_as<EscapeLog>... Observers>
[[nodiscard]] StorageOf<Model> run_in_span(const Model& model, const NoiseLevels& levels, const Rule& rule,
                                           StorageOf<Model> noise, Seed seed, Index first_sample,
                                           Observers&... observers) {
  using Scalar = typename Model::Scalar;
  using BackendType = typename Model::BackendType;
  using Coordinates = CoordinatesOf<Model>;
  const SpanView<Model> view{model};
  const Index count = noise.cols();
  Coordinates z = model.project(noise);
  require_shape(z, z.rows(), count, "project: for y of ", shape_text(noise), " the result");
  scale_initial_noise<SpanView<Model>>(z, levels[0]);
  typename StateOf<Rule, SpanView<Model>>::Type state{};
  const auto noise_of = [&](Stream stream) {
    return Coordinates(
        model.project(BackendType::template normal<Scalar>(model.dimension(), count, seed, stream, first_sample)));
  };
  for (Index step = 0;; ++step) {
    const NoiseLevel level = raise_noise<SpanView<Model>>(rule, z, levels, step, noise_of);
    const NoiseLevel next = levels[step + 1];
    const Coordinates w = view.coefficients(z, level);
    if constexpr (!tolerates_divergence<Observers...>) require_finite<SpanView<Model>>(w, "x0_hat", step, levels);
    const bool is_last = step + 1 == levels.steps();
    const auto may_escape = [&] {
      const Vector<double> norms = model.largest_norms(w);
      return (observers.may_escape(norms, model.dimension(), step, first_sample) || ...);
    };
    if (is_last || (sizeof...(Observers) > 0 && may_escape())) {
      StorageOf<Model> x0_hat = model.materialise(w);
      require_shape(x0_hat, noise.rows(), count, "materialise: for coefficients of ", shape_text(w), " the result");
      // Coordinates are double: samples of a narrower type may overflow where they did not.
      if constexpr (!tolerates_divergence<Observers...>) require_finite<Model>(x0_hat, "x0_hat", step, levels);
      (observers.template record<BackendType>(x0_hat, step, level, first_sample), ...);
      if (is_last) return x0_hat;
    }
    advance(rule, view, state, z, view.project_prediction(w, z), level, next);
    if (const double fresh = rule.noise_scale(level, next); fresh > 0.0)
      add_scaled<SpanView<Model>>(z, noise_of(streams::step_noise(levels.first_step() + step)), fresh);
  }
}

}  // namespace diffarch::detail
