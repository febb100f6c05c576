#pragma once

#include <string>

#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/rule_step.hpp"

namespace diffarch {

/// Heun's second-order method for the probability-flow ODE dz/dsigma = (z - D) / sigma, z = y / signal (Karras et al.
/// 2022, algorithm 1 without churn): an Euler (DDIM) step to `next`, then the trapezoidal rule with the slope found
/// there. Two denoiser calls per step, one at the last. Needs a finite sigma_T: InvalidArgument from pure noise.
struct Heun {
  [[nodiscard]] std::string name() const { return "Heun"; }
  [[nodiscard]] double stochasticity() const noexcept { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const noexcept { return 0.0; }

  template <Denoiser M>
  void advance(const M& model, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level, NoiseLevel next) const {
    if (next.is_clean()) {
      Ddim{}.advance(model, y, x0_hat, level, next);
      return;
    }
    StorageOf<M> y_euler = y;
    Ddim{}.advance(model, y_euler, x0_hat, level, next);
    StorageOf<M> x0_hat_euler = model.denoise(y_euler, next);
    const Trapezoid trapezoid = weights(level, next);
    detail::take_step<typename M::BackendType>(y, x0_hat, trapezoid.first);
    // (z_e - D_e) / sigma' in units of y': signal' z_e = y_e, hence the two products.
    add_scaled<M>(y, y_euler, trapezoid.y_euler);
    add_scaled<M>(y, x0_hat_euler, trapezoid.x0_euler);
  }

  [[nodiscard]] double mode_gain(double lambda, NoiseLevel level, NoiseLevel next) const {
    const double euler = Ddim{}.mode_gain(lambda, level, next);
    if (next.is_clean()) return euler;
    const Trapezoid trapezoid = weights(level, next);
    return trapezoid.first.mode_gain(wiener_gain(lambda, level)) + trapezoid.y_euler * euler +
           trapezoid.x0_euler * wiener_gain(lambda, next) * euler;
  }

 private:
  struct Trapezoid {
    detail::StepWeights first;
    double y_euler;
    double x0_euler;
  };

  /// y' = signal' (z + h/2 ((z - D) / sigma + (z_e - D_e) / sigma')), h = sigma' - sigma.
  [[nodiscard]] static Trapezoid weights(NoiseLevel level, NoiseLevel next) {
    detail::require_finite_sigma("Heun", level);
    const double half_step = 0.5 * (next.sigma() - level.sigma());
    return {{next.signal / level.signal * (1.0 + half_step / level.sigma()), -next.signal * half_step / level.sigma()},
            half_step / next.sigma(),
            -next.signal * half_step / next.sigma()};
  }
};

static_assert(SamplerRule<Heun>);

}  // namespace diffarch
