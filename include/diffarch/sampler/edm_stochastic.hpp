#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/rule_step.hpp"

namespace diffarch {

/// The stochastic sampler of EDM (Karras et al. 2022, algorithm 2): before each step sigma in [S_min, S_max] is raised
/// to
///   sigma_hat = (1 + gamma) sigma,  gamma = min(S_churn / N, sqrt(2) - 1),
/// by fresh noise, and Heun's step is taken from there. (S_noise of the paper is 1.) Two calls of the denoiser a step,
/// one at the last. S_churn = 0 is `Heun`, bitwise. Needs a finite sigma_T: InvalidArgument from pure noise.
struct EdmStochastic {
  double churn = 40.0;                                       ///< S_churn >= 0
  double lowest = 0.0;                                       ///< S_min: no noise is added below
  double highest = std::numeric_limits<double>::infinity();  ///< S_max: none is added above

  [[nodiscard]] std::string name() const { return detail::concat("EDM stochastic (S_churn = ", churn, ")"); }
  /// 0: for many steps all of S_churn is added once, which tends to no SDE of this family.
  [[nodiscard]] double stochasticity() const noexcept { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const noexcept { return 0.0; }

  /// The level that `level` is raised to, of a schedule of so many steps.
  [[nodiscard]] NoiseLevel raised(NoiseLevel level, Index steps) const {
    detail::require(churn >= 0.0 && lowest >= 0.0 && highest >= lowest, "EdmStochastic: churn = ", churn,
                    ", lowest = ", lowest, ", highest = ", highest, ", expected churn >= 0 and 0 <= lowest <= highest");
    if (level.sigma() < lowest || level.sigma() > highest || !std::isfinite(level.sigma())) return level;
    const double gamma = std::min(churn / static_cast<double>(steps), std::sqrt(2.0) - 1.0);
    return {level.signal, level.noise * (1.0 + gamma)};
  }

  template <Denoiser M>
  void advance(const M& model, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level, NoiseLevel next) const {
    Heun{}.advance(model, y, x0_hat, level, next);
  }

  /// That of Heun's step from the raised level: what raises y has no mean.
  [[nodiscard]] double mode_gain(double lambda, NoiseLevel raised, NoiseLevel next) const {
    return Heun{}.mode_gain(lambda, raised, next);
  }
};

static_assert(SpectralRule<EdmStochastic>);

}  // namespace diffarch
