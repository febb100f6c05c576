#pragma once

#include <cmath>
#include <string>

#include "diffarch/sampler/rule_step.hpp"
#include "diffarch/sampler/step_weights.hpp"

namespace diffarch {

/// DPM-Solver++(2M) (Lu et al. 2022, "DPM-Solver++", algorithm 2) and, for eta > 0, its form for the reverse-time SDE
/// (SDE-DPM-Solver++(2M), the same paper, appendix; eta as in k-diffusion). With h = log(sigma / sigma'), r = h_before
/// / h, and the prediction x0_before of the step before,
///   D = (1 + 1 / (2 r)) x0_hat - 1 / (2 r) x0_before,
///   y' = (noise' / noise) e^(-eta h) y + signal' (1 - e^(-(1 + eta) h)) D + noise' sqrt(1 - e^(-2 eta h)) epsilon.
/// The first step, the step from pure noise and the last step have D = x0_hat. One call of the denoiser a step; for eta
/// = 0 of second order in h.
struct DpmSolver2M {
  static constexpr bool is_linear = true;

  double eta = 0.0;  ///< >= 0, else InvalidArgument when a step is taken. 0: the probability-flow ODE, 1: the SDE

  /// The prediction of the step before, and how long this step was.
  template <Denoiser M>
  struct State {
    StorageOf<M> x0_before;
    double h_before = 0.0;  ///< 0: there is no step before
  };

  [[nodiscard]] std::string name() const {
    return eta == 0.0 ? "DPM-Solver++(2M)" : detail::concat("SDE-DPM-Solver++(2M) (eta = ", eta, ")");
  }
  [[nodiscard]] double stochasticity() const noexcept { return std::sqrt(eta); }

  /// Standard deviation of the fresh noise.
  [[nodiscard]] double noise_scale(NoiseLevel level, NoiseLevel next) const {
    detail::require(eta >= 0.0 && std::isfinite(eta), "DpmSolver2M: eta = ", eta, ", expected a finite eta >= 0");
    return eta == 0.0 ? 0.0 : next.noise * std::sqrt(-std::expm1(-2.0 * eta * log_ratio(level, next)));
  }

  template <Denoiser M>
  void advance(const M& /*model*/, State<M>& state, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level,
               NoiseLevel next) const {
    const double h = log_ratio(level, next);
    const double kept = next.is_clean() ? 0.0 : next.noise / level.noise * (eta == 0.0 ? 1.0 : std::exp(-eta * h));
    const double predicted = -next.signal * std::expm1(-(1.0 + eta) * h);
    const bool has_before = state.h_before > 0.0 && std::isfinite(h);
    const double extrapolation = has_before ? 0.5 * h / state.h_before : 0.0;  // 1 / (2 r)
    detail::take_step<typename M::BackendType>(y, x0_hat, {kept, predicted * (1.0 + extrapolation)});
    if (extrapolation > 0.0) add_scaled<M>(y, state.x0_before, -predicted * extrapolation);
    state.x0_before = x0_hat;
    state.h_before = std::isfinite(h) ? h : 0.0;
  }

 private:
  /// h; infinity from pure noise and to the clean level.
  [[nodiscard]] static double log_ratio(NoiseLevel level, NoiseLevel next) {
    return std::log(level.sigma() / next.sigma());
  }
};

static_assert(PredictableRule<DpmSolver2M>);

}  // namespace diffarch
