#pragma once

#include <string>

#include "diffarch/sampler/rule_step.hpp"

namespace diffarch {

/// Gradient estimation (Permenter and Yuan 2024, "Interpreting and improving diffusion models from an optimization
/// perspective", algorithm 2): DDIM with the predicted noise corrected by the one before, epsilon = (y - signal x0_hat)
/// / noise,
///   epsilon_bar = gamma epsilon + (1 - gamma) epsilon_before,
///   y' / signal' = y / signal + (sigma' - sigma) epsilon_bar.
/// The first step has no epsilon before, and the last step returns the prediction. One call of the denoiser a step.
/// Needs a finite sigma_T: InvalidArgument from pure noise.
struct GradientEstimation {
  static constexpr bool is_linear = true;

  double gamma = 2.0;  ///< the paper's; 1 is DDIM

  /// The noise that was predicted at the step before.
  template <Denoiser M>
  struct State {
    StorageOf<M> epsilon_before;
    bool is_first = true;
  };

  [[nodiscard]] std::string name() const { return detail::concat("gradient estimation (gamma = ", gamma, ")"); }
  [[nodiscard]] double stochasticity() const noexcept { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const noexcept { return 0.0; }

  template <Denoiser M>
  void advance(const M& /*model*/, State<M>& state, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level,
               NoiseLevel next) const {
    detail::require_finite_sigma("GradientEstimation", level);
    StorageOf<M> epsilon = detail::slope_of<M>(y, x0_hat, level);
    if (next.is_clean()) {
      y = x0_hat;
      scale<M>(y, next.signal);
    } else {
      const double length = next.signal * (next.sigma() - level.sigma());
      scale<M>(y, next.signal / level.signal);
      add_scaled<M>(y, epsilon, state.is_first ? length : length * gamma);
      if (!state.is_first) add_scaled<M>(y, state.epsilon_before, length * (1.0 - gamma));
    }
    state.epsilon_before = std::move(epsilon);
    state.is_first = false;
  }
};

static_assert(PredictableRule<GradientEstimation>);

}  // namespace diffarch
