#pragma once

#include <cmath>
#include <string>

#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/sampler/step_weights.hpp"

namespace diffarch {

/// DDPM ancestral sampling (Ho, Jain and Abbeel 2020, algorithm 2 and eq. 7): y' is drawn from the Gaussian posterior
/// of the next level given y and x0_hat. With r = sigma' / sigma,
///   y' = signal' ((1 - r^2) x0_hat + r^2 y / signal) + s epsilon.
struct Ancestral {
  /// The two variances of Ho et al., section 3.2.
  enum class Variance {
    posterior,  ///< beta_tilde: s^2 = noise'^2 (1 - r^2), optimal for a single training point; equals Ddim{.eta = 1}
    beta        ///< s^2 = beta_t, optimal for x0 ~ N(0, I); no noise at the last step
  };
  Variance variance = Variance::posterior;

  [[nodiscard]] std::string name() const {
    return variance == Variance::posterior ? "Ancestral" : "Ancestral (variance beta)";
  }
  [[nodiscard]] double stochasticity() const noexcept { return 1.0; }

  [[nodiscard]] double noise_scale(NoiseLevel level, NoiseLevel next) const {
    if (next.is_clean()) return 0.0;
    if (variance == Variance::beta)  // beta_t = 1 - alpha_bar / alpha_bar', in VP units; rescaled to those of y'
      return next.scale() * std::sqrt(1.0 - level.alpha_bar() / next.alpha_bar());
    const double r = ratio(level, next);
    return next.noise * std::sqrt((1.0 - r) * (1.0 + r));
  }

  [[nodiscard]] detail::StepWeights weights(NoiseLevel level, NoiseLevel next) const {
    const double r = ratio(level, next);
    return {r * next.noise / level.noise, next.signal * (1.0 - r) * (1.0 + r)};
  }

  template <Denoiser M>
  void advance(const M& /*model*/, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level,
               NoiseLevel next) const {
    detail::take_step<typename M::BackendType>(y, x0_hat, weights(level, next));
  }

  [[nodiscard]] double mode_gain(double lambda, NoiseLevel level, NoiseLevel next) const {
    return weights(level, next).mode_gain(wiener_gain(lambda, level));
  }

 private:
  /// sigma' / sigma, 0 from pure noise.
  [[nodiscard]] static double ratio(NoiseLevel level, NoiseLevel next) noexcept {
    return next.noise * level.signal / (next.signal * level.noise);
  }
};

static_assert(SamplerRule<Ancestral>);

}  // namespace diffarch
