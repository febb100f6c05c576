#pragma once

#include <memory>
#include <string>

#include "diffarch/sampler/diffusion_sampler.hpp"

namespace diffarch {

namespace detail {

/// The architecture of a model that was made elsewhere.
template <Denoiser M>
struct GivenModel {
  using Scalar = typename M::Scalar;
  using BackendType = typename M::BackendType;
  [[nodiscard]] std::string name() const { return "a given model"; }
};

/// A sampler that refers to a model, without owning it.
template <Denoiser M, class S, class R>
[[nodiscard]] auto sampler_of(const M& model, const S& schedule, const R& rule) {
  DiffusionSampler<GivenModel<M>, S, typename M::BackendType, R, typename M::Scalar> sampler({}, schedule, rule);
  sampler.set_model(std::shared_ptr<const M>(std::shared_ptr<const M>(), &model));
  return sampler;
}

}  // namespace detail

template <Denoiser M>
struct Fitter<detail::GivenModel<M>, typename M::BackendType, typename M::Scalar> {
  using Model = M;
};

/// n >= 1 samples (d, n) of any model: one that `fit` or `load_model` returned, a type of yours, or a function made a
/// model by `make_denoiser`. They are bitwise those of a `DiffusionSampler` with this model, and observers are as
/// there. Throws what `DiffusionSampler::sample` throws.
template <Denoiser M, Schedule S, SamplerRule R = Ddim, class... Observers>
[[nodiscard]] Batch<typename M::Scalar> sample(const M& model, const S& schedule, Index n, Seed seed,
                                               const R& rule = {}, Observers&&... observers) {
  return detail::sampler_of(model, schedule, rule).sample(n, seed, observers...);
}

/// Samples of any model from noise x_T (d, n). Throws what `DiffusionSampler::sample_from` throws.
template <Denoiser M, Schedule S, SamplesOf<typename M::Scalar> Noise, SamplerRule R = Ddim, class... Observers>
[[nodiscard]] Batch<typename M::Scalar> sample_from(const M& model, const S& schedule, const Noise& noise,
                                                    const R& rule = {}, Seed seed = {}, Observers&&... observers) {
  return detail::sampler_of(model, schedule, rule).sample_from(noise, seed, observers...);
}

/// Samples of any model that continue from y (d, n) at the first level of the schedule: image to image, or the rest of
/// a trajectory that another model began (`part`). Throws what `DiffusionSampler::continue_from` throws.
template <Denoiser M, Schedule S, SamplesOf<typename M::Scalar> Y, SamplerRule R = Ddim, class... Observers>
[[nodiscard]] Batch<typename M::Scalar> continue_from(const M& model, const S& schedule, const Y& noisy,
                                                      const R& rule = {}, Seed seed = {}, Observers&&... observers) {
  return detail::sampler_of(model, schedule, rule).continue_from(noisy, seed, observers...);
}

}  // namespace diffarch
