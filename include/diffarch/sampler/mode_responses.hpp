#pragma once

#include <utility>
#include <vector>

#include "diffarch/core/wiener_gain.hpp"
#include "diffarch/sampler/rule_step.hpp"

namespace diffarch {

namespace detail {

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

/// The gain of a rule along each eigenmode, and the variance of its samples from y_T ~ N(0, scale_T^2 I).
struct ModeOutcome {
  Vector<double> gains;     ///< (K): as `trajectory_gains`
  Vector<double> variance;  ///< (K): of the samples
  bool has_fresh_noise = false;
};

/// Returns gains and variances, scale_T^2 gain^2 and what the fresh noises add. Cost O(K N), with a memory O(K N (1 +
/// noises)).
template <PredictableRule Rule>
[[nodiscard]] ModeOutcome mode_outcome(const Rule& rule, const Vector<double>& eigenvalues, const NoiseLevels& levels) {
  const double v_T = levels[0].signal * levels[0].signal + levels[0].noise * levels[0].noise;
  ModeOutcome outcome;
  if constexpr (SpectralRule<Rule>) {
    outcome.gains = Vector<double>::Ones(eigenvalues.size());
    outcome.variance = Vector<double>::Constant(eigenvalues.size(), v_T);
    for (Index step = 0; step < levels.steps(); ++step) {
      const NoiseLevel level = raised_level(rule, levels, step);
      const double raising = missing_noise(levels[step], level);
      const double fresh = rule.noise_scale(level, levels[step + 1]);
      outcome.has_fresh_noise = outcome.has_fresh_noise || raising > 0.0 || fresh > 0.0;
      for (Index mode = 0; mode < eigenvalues.size(); ++mode) {
        const double gain = rule.mode_gain(eigenvalues(mode), level, levels[step + 1]);
        outcome.gains(mode) *= gain;
        outcome.variance(mode) = gain * gain * (outcome.variance(mode) + raising * raising) + fresh * fresh;
      }
    }
  } else {
    ModeResponses responses = mode_responses(rule, eigenvalues, levels);
    outcome.gains = std::move(responses.initial);
    outcome.has_fresh_noise = !responses.noise_scales.empty();
    outcome.variance = outcome.gains;
    for (Index mode = 0; mode < eigenvalues.size(); ++mode) {
      outcome.variance(mode) = v_T * (outcome.gains(mode) * outcome.gains(mode));
      for (std::size_t noise = 0; noise < responses.noise_scales.size(); ++noise) {
        const double scale = responses.noise_scales[noise];
        const double answer = responses.fresh(mode, static_cast<Index>(noise));
        outcome.variance(mode) += scale * scale * (answer * answer);
      }
    }
  }
  return outcome;
}

}  // namespace detail

/// Product over all steps of the per-mode gains of a rule: a deterministic sampler on a SpectralDenoiser maps
///   y_T  ->  mean + U diag(G) U^T (y_T - signal_T mean),
/// and what lies outside span(U) vanishes with the last step. For DDIM in VE coordinates
///   signal_T G(lambda) = prod_i (lambda + sigma_i sigma_{i+1}) / (lambda + sigma_i^2).
/// `eigenvalues` (K) are the data variances lambda; returns G (K). Cost O(K N), no product of matrices.
template <PredictableRule Rule>
[[nodiscard]] Vector<double> trajectory_gains(const Rule& rule, const Vector<double>& eigenvalues,
                                              const NoiseLevels& levels) {
  return detail::mode_outcome(rule, eigenvalues, levels).gains;
}

}  // namespace diffarch
