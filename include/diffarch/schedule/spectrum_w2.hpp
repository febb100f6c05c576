#pragma once

#include <concepts>

#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/mode_responses.hpp"
#include "diffarch/solver/spectrum_distance.hpp"
#include "diffarch/solver/spectrum_loss.hpp"

namespace diffarch {

/// W2 distance between N(0, diag(eigenvalues)) and what a rule generates along `levels` from y_T ~ N(0, scale_T^2 I)
/// with the exact denoiser of that Gaussian. Both share their modes, so W2 is the root of sum (sqrt(var_i) -
/// sqrt(lambda_i))^2, with var_i as in `predicted_distribution`. A mode of lambda_i = 0 is generated exactly by every
/// rule that ends on the prediction. The error of the mean of data with a mean is not part of this W2. Rounding: about
/// 1e-15 sqrt(sum lambda_i), which DDIM avoids (`ddim_spectrum_w2`).
/// Throws InvalidArgument for an empty spectrum, eigenvalues that are negative or not finite, and levels that stop
/// before the clean one. Cost O(K N); O(K N^2)
/// for a rule with a memory and fresh noise.
template <PredictableRule Rule>
[[nodiscard]] double spectrum_w2(const Rule& rule, const Vector<double>& eigenvalues, const NoiseLevels& levels) {
  detail::require(levels.ends_clean(), "spectrum_w2: the levels stop at sigma = ", levels[levels.steps()].sigma(),
                  ", expected levels that end clean");
  detail::check_spectrum("spectrum_w2", eigenvalues);
  if constexpr (std::same_as<Rule, Ddim>)
    if (rule.eta == 0.0) return ddim_spectrum_w2(eigenvalues, levels);
  return detail::spectrum_distance(detail::mode_outcome(rule, eigenvalues, levels).variance, eigenvalues);
}

}  // namespace diffarch
