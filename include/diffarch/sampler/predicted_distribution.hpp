#pragma once

#include <cmath>

#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/mode_responses.hpp"

namespace diffarch {

/// The Gaussian that a sampler generates with a denoiser of the linear family: mean, and one variance for each of the
/// model's K eigenmodes (its directions are the columns of model.basis()); variance 0 outside their span.
struct PredictedGaussian {
  Vector<double> mean;           ///< (d)
  Vector<double> mean_offset;    ///< (K): U^T (mean - model.mean())
  Vector<double> mode_variance;  ///< (K)
};

/// The exact distribution of the samples for N steps, and its limit for N -> infinity with the same sigma_T.
struct PredictedDistribution {
  PredictedGaussian finite_steps;
  PredictedGaussian continuous_limit;
};

namespace detail {

/// Distribution of mean + U diag(G)(U^T (y_T - signal_T mean)) + independent noise, from y_T ~ N(0, scale_T^2 I).
template <SpectralDenoiser Model>
[[nodiscard]] PredictedGaussian gaussian_of_gains(const Model& model, NoiseLevel first, const Vector<double>& gains,
                                                  Vector<double> mode_variance) {
  using BackendType = typename Model::BackendType;
  using Scalar = typename Model::Scalar;
  const auto zero = BackendType::upload(Batch<Scalar>(Batch<Scalar>::Zero(model.dimension(), 1)));
  const Batch<Scalar> mean = BackendType::download(model.apply_gains(zero, first.signal, gains));
  return {mean.col(0).template cast<double>(), -first.signal * gains.cwiseProduct(model.mean_coordinates()),
          std::move(mode_variance)};
}

}  // namespace detail

/// Predicts the distribution of the samples of `DiffusionSampler` for a model of the linear family, a schedule and a
/// rule. Finite steps: per mode v' = gain^2 (v + (noise that raises y before the step)^2) + (fresh noise)^2 from v_T =
/// signal_T^2 + noise_T^2, so for DDIM
///   mean = mu - U G U^T mu,  variance = (1 + sigma_T^2) G^2,  G = prod (lambda + sigma sigma') / (lambda + sigma^2).
/// Limit N -> infinity: the linear SDE (ODE for eta = 0) with the exact score, from the same start,
///   variance = lambda + G^2 signal_T^2 (1 - lambda),
///   signal_T G = (lambda / (lambda + sigma_T^2))^((1 + eta^2) / 2).
/// Both tend to N(mu, Sigma) only when also sigma_T -> infinity. For `EdmStochastic` the limit is that without churn:
/// churn leaves less of the start, how much less depends on the schedule.
/// Model: a SpectralDenoiser, S: a Schedule, Rule: a PredictableRule. For a rule with a memory every noise that enters
/// is followed to the end: v = sum over the noises of (answer of the mode)^2 (scale of the noise)^2. Throws
/// InvalidArgument for levels that stop before the clean one.
template <class Model, class S, class Rule = Ddim>
[[nodiscard]] PredictedDistribution predicted_distribution(const Model& model, const S& schedule,
                                                           const Rule& rule = {}) {
  static_assert(SpectralDenoiser<Model>,
                "diffarch: predicted_distribution needs a model with a spectrum (concept SpectralDenoiser), such as "
                "that of Linear or RankK: what other models generate has no closed form; sample it");
  static_assert(Schedule<S>,
                "diffarch: predicted_distribution takes a schedule after the model: "
                "predicted_distribution(sampler.model(), sampler.schedule(), sampler.rule())");
  static_assert(PredictableRule<Rule>,
                "diffarch: predicted_distribution needs a rule with `double mode_gain(double lambda, NoiseLevel level, "
                "NoiseLevel next) const` (concept SpectralRule), or one whose steps are linear and that says so by "
                "`static constexpr bool is_linear = true` (concept PredictableRule)");
  const NoiseLevels levels = schedule.levels();
  detail::require(levels.ends_clean(),
                  "predicted_distribution: the levels stop at sigma = ", levels[levels.steps()].sigma(),
                  ", expected levels that end clean");
  const NoiseLevel first = levels[0];
  const Vector<double>& eigenvalues = model.eigenvalues();

  detail::ModeOutcome outcome = detail::mode_outcome(rule, eigenvalues, levels);
  Vector<double> limit_variance(eigenvalues.size());
  Vector<double> limit_gains(eigenvalues.size());
  const double eta_squared = rule.stochasticity() * rule.stochasticity();
  for (Index mode = 0; mode < eigenvalues.size(); ++mode) {
    const double lambda = eigenvalues(mode);
    const double signal_variance = lambda * first.signal * first.signal;
    const double marginal = signal_variance + first.noise * first.noise;
    limit_gains(mode) = std::sqrt(lambda / marginal) * std::pow(signal_variance / marginal, 0.5 * eta_squared);
    limit_variance(mode) =
        lambda + limit_gains(mode) * limit_gains(mode) * first.signal * first.signal * (1.0 - lambda);
  }
  return {detail::gaussian_of_gains(model, first, outcome.gains, std::move(outcome.variance)),
          detail::gaussian_of_gains(model, first, limit_gains, std::move(limit_variance))};
}

}  // namespace diffarch
