#pragma once

#include <cmath>
#include <concepts>

#include "diffarch/analysis/likelihood.hpp"

namespace diffarch {

/// Estimate of a Kullback-Leibler divergence, in nats.
struct KullbackLeibler {
  double value = 0.0;           ///< the mean over samples of log p - log q; unbiased, so it can be negative
  double standard_error = 0.0;  ///< of the mean
};

/// KL(p || q) = E_p[log p(x) - log q(x)] from the log densities (n) of n >= 2 independent samples of p under p and
/// under q. The standard error is that of a mean of independent numbers; it includes the error of log densities that
/// are themselves unbiased estimates. It is no guide where few samples decide, as where q is small in places that p
/// seldom visits. Throws DimensionMismatch; InvalidArgument for fewer samples; NumericalError, naming the sample, when
/// a log density is not finite: with log q = -infinity the divergence is infinite.
[[nodiscard]] inline KullbackLeibler kullback_leibler(const Vector<double>& log_p, const Vector<double>& log_q) {
  const Index n = log_p.size();
  detail::require<DimensionMismatch>(log_q.size() == n, "kullback_leibler: ", n, " log densities of the first and ",
                                     log_q.size(), " of the second distribution");
  detail::require(n >= 2, "kullback_leibler: ", n, " samples; expected at least 2");
  double mean = 0.0;
  for (Index i = 0; i < n; ++i) {
    detail::require<NumericalError>(std::isfinite(log_p(i)) && std::isfinite(log_q(i)),
                                    "kullback_leibler: the log densities of sample ", i, " are ", log_p(i), " and ",
                                    log_q(i), ", expected finite numbers");
    mean += (log_p(i) - log_q(i)) / static_cast<double>(n);
  }
  double squares = 0.0;
  for (Index i = 0; i < n; ++i) {
    const double difference = log_p(i) - log_q(i) - mean;
    squares += difference * difference;
  }
  return {mean, std::sqrt(squares / static_cast<double>(n) / static_cast<double>(n - 1))};
}

/// A function that returns the log densities (n) of samples (d, n).
template <class F, class Scalar>
concept LogDensity = requires(const F& function, const Batch<Scalar>& x) {
  { function(x) } -> std::convertible_to<Vector<double>>;
};

/// KL(generated || target) of what a model generates, from samples x (d, n) of it and the log density of a target. Both
/// are distributions with noise: x has to be drawn at sigma_min = levels.last_sigma(), as `flow_samples` does, since
/// the generated density is that of `log_likelihood`; and `target(x)`, called once, has to return log densities of
/// target + sigma_min epsilon. For a Gaussian mixture that is
///   [noisy = mixture.with_noise(levels.last_sigma())](const Batch<double>& x) { return noisy.log_density(x); }
/// The same noise on both sides makes the divergence smaller than that without noise, and finite where one distribution
/// lies on a subspace. Throws what `log_likelihood` and the estimate from log densities throw, and DimensionMismatch
/// when the target returns another number of log densities.
template <Denoiser Model, SamplesOf<typename Model::Scalar> X, LogDensity<typename Model::Scalar> Target>
[[nodiscard]] KullbackLeibler kullback_leibler(const Model& model, const NoiseLevels& levels, const X& x,
                                               const Target& target, const FlowOptions& options = {},
                                               const ProgressCallback& progress = {}) {
  const auto& samples = as_batch(x);
  return kullback_leibler(log_likelihood(model, levels, samples, options, progress).log_density,
                          Vector<double>(target(samples)));
}

/// KL(generated || target) from samples that have their log densities already: no flow is integrated again.
template <std::floating_point Scalar, LogDensity<Scalar> Target>
[[nodiscard]] KullbackLeibler kullback_leibler(const FlowSamples<Scalar>& generated, const Target& target) {
  return kullback_leibler(generated.likelihood.log_density, Vector<double>(target(generated.samples)));
}

}  // namespace diffarch
