#pragma once

#include <optional>

#include "diffarch/core/checked_denoise.hpp"
#include "diffarch/core/elementwise.hpp"

namespace diffarch {

/// The model as a SamplerRule gets it from the sampler: itself a Denoiser, so that a rule that calls `denoise` once
/// more (Heun) sees predictions of the checked shape, clipped where `DiffusionSampler::set_clip` says so. It is a
/// SpectralDenoiser where the model is one. For other members of the model see `underlying`. Refers to the model, and
/// lives no longer than one call of the sampler.
template <Denoiser Model>
class RuleModel {
 public:
  using Scalar = typename Model::Scalar;
  using BackendType = typename Model::BackendType;

  /// `clip`: every element of a prediction is moved into [-clip, clip]; NaN stays NaN.
  explicit RuleModel(const Model& model, std::optional<double> clip = {}) : model_(model), clip_(clip) {}

  [[nodiscard]] Index dimension() const { return model_.dimension(); }

  /// Throws DimensionMismatch when the model returns another shape than that of y.
  [[nodiscard]] StorageOf<Model> denoise(const StorageOf<Model>& y, NoiseLevel level) const {
    StorageOf<Model> x0_hat = checked_denoise(model_, y, level);
    if (clip_)
      BackendType::for_each(x0_hat.rows(), x0_hat.cols(),
                            elementwise::Clip<Scalar>{x0_hat.data(), static_cast<Scalar>(*clip_), x0_hat.rows()});
    return x0_hat;
  }

  [[nodiscard]] decltype(auto) mean() const requires SpectralDenoiser<Model> { return model_.mean(); }
  [[nodiscard]] decltype(auto) mean_coordinates() const requires SpectralDenoiser<Model> {
    return model_.mean_coordinates();
  }
  [[nodiscard]] decltype(auto) eigenvalues() const requires SpectralDenoiser<Model> { return model_.eigenvalues(); }
  /// No prediction of x0: never clipped.
  [[nodiscard]] StorageOf<Model> apply_gains(const StorageOf<Model>& y, double signal,
                                             const Vector<double>& gains) const requires SpectralDenoiser<Model> {
    StorageOf<Model> result = model_.apply_gains(y, signal, gains);
    detail::require_shape(result, y.rows(), y.cols(), "apply_gains: for y of ", detail::shape_text(y), " the result");
    return result;
  }

  /// The model that was fitted. Its predictions are neither checked nor clipped.
  [[nodiscard]] const Model& underlying() const noexcept { return model_; }

 private:
  const Model& model_;
  std::optional<double> clip_;
};

}  // namespace diffarch
