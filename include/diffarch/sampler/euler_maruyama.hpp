#pragma once

#include <cmath>
#include <string>

#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/sampler/rule_step.hpp"
#include "diffarch/sampler/step_weights.hpp"

namespace diffarch {

/// The Euler-Maruyama method for the reverse-time SDE in sigma, dz = 2 (z - x0_hat) / sigma dsigma + sqrt(2 sigma) dW,
/// z = y / signal (Song et al. 2021, eq. 6, with sigma as the time):
///   z' = z + 2 (sigma' - sigma) (z - x0_hat) / sigma + sqrt(2 sigma (sigma - sigma')) epsilon.
/// The last step returns the prediction. Steps that halve sigma and more overshoot: it needs many steps, and is here to
/// compare with. Needs a finite sigma_T: InvalidArgument from pure noise.
struct EulerMaruyama {
  [[nodiscard]] std::string name() const { return "Euler-Maruyama"; }
  [[nodiscard]] double stochasticity() const noexcept { return 1.0; }

  [[nodiscard]] double noise_scale(NoiseLevel level, NoiseLevel next) const {
    detail::require_finite_sigma("EulerMaruyama", level);
    if (next.is_clean()) return 0.0;
    return next.signal * std::sqrt(2.0 * level.sigma() * (level.sigma() - next.sigma()));
  }

  [[nodiscard]] detail::StepWeights weights(NoiseLevel level, NoiseLevel next) const {
    if (next.is_clean()) return {0.0, next.signal};
    const double pull = 2.0 * (next.sigma() - level.sigma()) / level.sigma();
    return {next.signal / level.signal * (1.0 + pull), -next.signal * pull};
  }

  template <Denoiser M>
  void advance(const M& /*model*/, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level,
               NoiseLevel next) const {
    detail::take_step<typename M::BackendType>(y, x0_hat, weights(level, next));
  }

  [[nodiscard]] double mode_gain(double lambda, NoiseLevel level, NoiseLevel next) const {
    return weights(level, next).mode_gain(wiener_gain(lambda, level));
  }
};

static_assert(SpectralRule<EulerMaruyama>);

}  // namespace diffarch
