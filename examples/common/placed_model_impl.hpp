#pragma once

#include <utility>

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "placed_model.hpp"

namespace figures {

using namespace diffarch;

template <class B, class Scalar>
class PlacedModelOn final : public PlacedModel<Scalar> {
 public:
  PlacedModelOn(AnyDenoiser<Scalar, B> model, const std::string& architecture, const CosineSchedule& schedule)
      : sampler_(AnyArchitecture<Scalar, B>{architecture}, schedule) {
    sampler_.set_progress(ConsoleProgress{}).set_model(std::move(model));
  }

  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const override {
    return B::download(sampler_.model().denoise(B::upload(y), level));
  }

  [[nodiscard]] Batch<Scalar> sample(Index n, Seed seed, EscapeLog* log) const override {
    return log == nullptr ? sampler_.sample(n, seed) : sampler_.sample(n, seed, *log);
  }

  [[nodiscard]] Batch<Scalar> sample_from(const Batch<Scalar>& noise, EscapeLog* log) const override {
    return log == nullptr ? sampler_.sample_from(noise) : sampler_.sample_from(noise, *log);
  }

  [[nodiscard]] Trajectory<Scalar> trajectory(const Batch<Scalar>& noise) const override {
    Sampler sampler = sampler_;
    sampler.set_batch_size(noise.cols());
    Trajectory<Scalar> result;
    result.samples = sampler.sample_from(noise, [&](const typename Sampler::Step& step) {
      result.noisy.push_back(B::download(step.y));
      result.predictions.push_back(B::download(step.x0_hat));
    });
    return result;
  }

 private:
  using Sampler = DiffusionSampler<AnyArchitecture<Scalar, B>, CosineSchedule, B, Ddim, Scalar>;

  Sampler sampler_;
};

template <class B, class Scalar>
PlacedModelPointer<Scalar> placed(AnyDenoiser<Scalar, B> model, const std::string& architecture,
                                  const CosineSchedule& schedule) {
  return std::make_shared<PlacedModelOn<B, Scalar>>(std::move(model), architecture, schedule);
}

template <class B, class A, class Scalar>
PlacedModelPointer<Scalar> fit_placed(const A& architecture, const Batch<Scalar>& data,
                                      const CosineSchedule& schedule) {
  return placed(AnyDenoiser<Scalar, B>(fit(architecture, data, schedule, B{}, ConsoleProgress{})), architecture.name(),
                schedule);
}

extern template PlacedModelPointer<float> placed(AnyDenoiser<float, Cpu>, const std::string&, const CosineSchedule&);
extern template PlacedModelPointer<double> placed(AnyDenoiser<double, Cpu>, const std::string&, const CosineSchedule&);
// What the programs fit, on one backend.
#define FIGURES_FIT(B, ...) \
  template PlacedModelPointer<float> fit_placed<B>(const __VA_ARGS__&, const Batch<float>&, const CosineSchedule&)

}  // namespace figures
