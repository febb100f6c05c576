#pragma once

#include <cmath>
#include <string>

#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/sampler/step_weights.hpp"

namespace diffarch {

/// DDIM (Song, Meng and Ermon 2021, eq. 12): keep the predicted clean image, shrink the predicted noise,
///   y' = signal' x0_hat + sqrt(noise'^2 - s^2) epsilon_hat + s epsilon,   epsilon_hat = (y - signal x0_hat) / noise,
///   s = eta noise' sqrt(1 - (sigma' / sigma)^2)                           (eq. 16 in any coordinates).
/// eta = 0 is deterministic, Euler's method for the probability-flow ODE in (y / signal, sigma); eta = 1 is DDPM's
/// ancestral step with the posterior variance.
struct Ddim {
  double eta = 0.0;  ///< 0 <= eta <= 1, else InvalidArgument when a step is taken

  [[nodiscard]] std::string name() const { return eta == 0.0 ? "DDIM" : detail::concat("DDIM (eta = ", eta, ")"); }
  [[nodiscard]] double stochasticity() const noexcept { return eta; }

  /// Standard deviation s of the fresh noise.
  [[nodiscard]] double noise_scale(NoiseLevel level, NoiseLevel next) const {
    detail::require(eta >= 0.0 && eta <= 1.0, "Ddim: eta = ", eta, ", expected 0 <= eta <= 1");
    const double ratio = next.noise * level.signal / (next.signal * level.noise);  // sigma' / sigma; 0 from pure noise
    return eta * next.noise * std::sqrt((1.0 - ratio) * (1.0 + ratio));
  }

  [[nodiscard]] detail::StepWeights weights(NoiseLevel level, NoiseLevel next) const {
    const double fresh = noise_scale(level, next);
    const double kept = std::sqrt((next.noise - fresh) * (next.noise + fresh)) / level.noise;
    return {kept, next.signal - kept * level.signal};
  }

  template <Denoiser M>
  void advance(const M& /*model*/, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level,
               NoiseLevel next) const {
    detail::take_step<typename M::BackendType>(y, x0_hat, weights(level, next));
  }

  /// In VE coordinates and for eta = 0: (lambda + sigma sigma') / (lambda + sigma^2).
  [[nodiscard]] double mode_gain(double lambda, NoiseLevel level, NoiseLevel next) const {
    return weights(level, next).mode_gain(wiener_gain(lambda, level));
  }
};

static_assert(SamplerRule<Ddim>);

}  // namespace diffarch
