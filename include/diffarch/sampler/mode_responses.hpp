#pragma once

#include <vector>

#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/sampler/rule_step.hpp"

namespace diffarch::detail {

/// The eigenmodes of a Gaussian without a mean as a denoiser: one row for each mode, of variance lambda.
template <class Real>
struct ModeDenoiser {
  using Scalar = Real;
  using BackendType = Cpu;

  const Vector<Real>& eigenvalues;

  [[nodiscard]] Index dimension() const { return eigenvalues.size(); }
  [[nodiscard]] Batch<Real> denoise(const Batch<Real>& y, NoiseLevel level) const {
    Batch<Real> x0_hat(y.rows(), y.cols());
    for (Index mode = 0; mode < y.rows(); ++mode)
      x0_hat.row(mode) = wiener_gain(eigenvalues(mode), level) * y.row(mode);
    return x0_hat;
  }
};

/// How each eigenmode answers to what enters a trajectory: the deviation from signal * mean at the end is the sum of
/// the answers times the deviation of y_T and each fresh noise.
struct ModeResponses {
  Vector<double> initial;            ///< (K): to the deviation of y_T
  Matrix<double> fresh;              ///< (K, noises): to fresh noise of unit variance
  std::vector<double> noise_scales;  ///< standard deviation of each fresh noise
};

/// Takes the steps of a rule with `is_linear` on every eigenmode: once from a deviation of 1, and once from none for
/// each noise that enters. Cost O(K N (1 + noises)).
template <PredictableRule Rule, class Real>
[[nodiscard]] ModeResponses mode_responses(const Rule& rule, const Vector<Real>& eigenvalues,
                                           const NoiseLevels& levels) {
  using Model = ModeDenoiser<Real>;
  const Model model{eigenvalues};
  ModeResponses result;
  // Where each noise enters: the number of its step, before the denoiser is called or after the step.
  std::vector<Index> raised_at(static_cast<std::size_t>(levels.steps()), -1);
  std::vector<Index> added_at(static_cast<std::size_t>(levels.steps()), -1);
  const auto enter = [&](double scale) {
    if (!(scale > 0.0)) return Index{-1};
    result.noise_scales.push_back(scale);
    return static_cast<Index>(result.noise_scales.size());
  };
  for (Index step = 0; step < levels.steps(); ++step) {
    const auto at = static_cast<std::size_t>(step);
    const NoiseLevel level = raised_level(rule, levels, step);
    raised_at[at] = enter(missing_noise(levels[step], level));
    added_at[at] = enter(rule.noise_scale(level, levels[step + 1]));
  }
  Batch<Real> y = Batch<Real>::Zero(eigenvalues.size(), static_cast<Index>(result.noise_scales.size()) + 1);
  y.col(0).setOnes();
  typename StateOf<Rule, Model>::Type state{};
  for (Index step = 0; step < levels.steps(); ++step) {
    const auto at = static_cast<std::size_t>(step);
    const NoiseLevel level = raised_level(rule, levels, step);
    if (raised_at[at] >= 0) y.col(raised_at[at]).setOnes();
    const Batch<Real> x0_hat = model.denoise(y, level);
    advance(rule, model, state, y, x0_hat, level, levels[step + 1]);
    if (added_at[at] >= 0) y.col(added_at[at]).setOnes();
  }
  result.initial = y.col(0);
  result.fresh = y.rightCols(y.cols() - 1);
  return result;
}

}  // namespace diffarch::detail
