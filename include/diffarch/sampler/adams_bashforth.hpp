#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "diffarch/sampler/rule_step.hpp"

namespace diffarch {

/// The Adams-Bashforth method of order k for the probability-flow ODE dz/dsigma = d, d = (z - x0_hat) / sigma, z = y /
/// signal, on levels at any distance ("LMS" of k-diffusion): the polynomial in sigma through the last k slopes is
/// integrated exactly,
///   z' = z + sum_j d_j integral from sigma to sigma' of prod_{i != j} (t - sigma_i) / (sigma_j - sigma_i) dt.
/// (Hairer, Norsett and Wanner 1993, section III.5.) The first steps have as many slopes as there are; the last step
/// returns the prediction. One call of the denoiser a step. Needs a finite sigma_T: InvalidArgument from pure noise.
struct AdamsBashforth {
  static constexpr bool is_linear = true;

  Index order = 4;  ///< k, 1 to 4, else InvalidArgument when a step is taken; 1 is Euler's method, DDIM

  /// The slopes of the steps before.
  template <Denoiser M>
  struct State {
    std::vector<StorageOf<M>> slopes;  ///< of the steps before, the last one first
    std::vector<double> sigmas;        ///< where they were taken
  };

  [[nodiscard]] std::string name() const { return detail::concat("Adams-Bashforth of order ", order); }
  [[nodiscard]] double stochasticity() const noexcept { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const noexcept { return 0.0; }

  template <Denoiser M>
  void advance(const M& /*model*/, State<M>& state, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level,
               NoiseLevel next) const {
    detail::require(order >= 1 && order <= 4, "AdamsBashforth: order = ", order, ", expected 1 to 4");
    detail::require_finite_sigma("AdamsBashforth", level);
    state.slopes.insert(state.slopes.begin(), detail::slope_of<M>(y, x0_hat, level));
    state.sigmas.insert(state.sigmas.begin(), level.sigma());
    if (static_cast<Index>(state.slopes.size()) > order) {
      state.slopes.pop_back();
      state.sigmas.pop_back();
    }
    if (next.is_clean()) {
      y = x0_hat;
      scale<M>(y, next.signal);
      return;
    }
    scale<M>(y, next.signal / level.signal);
    for (std::size_t j = 0; j < state.slopes.size(); ++j)
      add_scaled<M>(y, state.slopes[j], next.signal * weight(state.sigmas, j, next.sigma()));
  }

  /// The integral from sigmas[0] to `end` of the polynomial that is 1 at sigmas[j] and 0 at the other sigmas: by the
  /// rule of Gauss and Legendre with two points, which is exact up to degree 3.
  [[nodiscard]] static double weight(const std::vector<double>& sigmas, std::size_t j, double end) {
    const double middle = 0.5 * (sigmas[0] + end);
    const double half = 0.5 * (end - sigmas[0]);
    double sum = 0.0;
    for (const double node : {-std::sqrt(1.0 / 3.0), std::sqrt(1.0 / 3.0)}) {
      double value = 1.0;
      for (std::size_t i = 0; i < sigmas.size(); ++i)
        if (i != j) value *= (middle + half * node - sigmas[i]) / (sigmas[j] - sigmas[i]);
      sum += value;
    }
    return half * sum;
  }
};

static_assert(PredictableRule<AdamsBashforth>);

}  // namespace diffarch
