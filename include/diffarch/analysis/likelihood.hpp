#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/analysis/probability_flow.hpp"
#include "diffarch/core/progress.hpp"

namespace diffarch {

/// Log densities of samples under what a model generates.
struct LogLikelihood {
  Vector<double> log_density;     ///< (n), nats
  Vector<double> standard_error;  ///< (n), of log_density over the probes; 0 where the divergence is exact
  double sigma_min = 0.0;         ///< noise at which the density is taken, standard deviation on the scale of the data
};

namespace detail {

/// Samples of a flow that are held at once.
inline constexpr Index flow_block = 64;

/// log N(u; 0, I) of a column.
template <class Real>
[[nodiscard]] double log_standard_normal(const Batch<Real>& u, Index column) {
  double sum = 0.0;
  for (Index row = 0; row < u.rows(); ++row) sum += u(row, column) * u(row, column);
  return -0.5 * (sum + static_cast<double>(u.rows()) * std::log(2.0 * std::numbers::pi));
}

/// Writes the log density of sample `at` from the log density where the flow starts, and from the integrals of the
/// divergence by every probe.
template <class Real>
void set_log_density(LogLikelihood& result, Index at, double start, const Matrix<Real>& integrals, Index column) {
  const Index probes = integrals.rows();
  double mean = 0.0;
  for (Index k = 0; k < probes; ++k) mean += integrals(k, column) / static_cast<double>(probes);
  double squares = 0.0;
  for (Index k = 0; k < probes; ++k) squares += (integrals(k, column) - mean) * (integrals(k, column) - mean);
  result.log_density(at) = start + mean;
  result.standard_error(at) = probes > 1 ? std::sqrt(squares / static_cast<double>(probes * (probes - 1))) : 0.0;
}

template <Denoiser Model>
[[nodiscard]] LogLikelihood log_likelihood(const Model& model, const NoiseLevels& levels,
                                           const Batch<typename Model::Scalar>& x, const FlowOptions& options,
                                           const ProgressCallback& callback) {
  using Real = Dependent<double, Model>;
  const Index d = model.dimension();
  const Index n = x.cols();
  require<DimensionMismatch>(x.rows() == d && n >= 1, "log_likelihood: x is ", shape_text(x),
                             " but the model has dimension ", d, "; expected (", d, ", n) with n >= 1");
  require_finite_samples("log_likelihood", "sample", x);
  const ProbabilityFlow<Model> flow("log_likelihood", model, levels, options);
  LogLikelihood result{Vector<double>(n), Vector<double>(n), levels.last_sigma()};
  const double scale = std::hypot(1.0, result.sigma_min);
  ProgressReporter progress(callback, "log likelihood", n, "samples");
  for (Index first = 0; first < n; first += flow_block) {
    const Index count = std::min(flow_block, n - first);
    Batch<Real> u = x.middleCols(first, count).template cast<Real>() / scale;
    const Matrix<Real> integrals = flow.run(u, first, true);
    for (Index column = 0; column < count; ++column)
      set_log_density(result, first + column, log_standard_normal(u, column) - static_cast<double>(d) * std::log(scale),
                      integrals, column);
    progress.advance(count);
  }
  return result;
}

}  // namespace detail

/// Log density, in nats, of samples x (d, n) under what a model generates, by the instantaneous change of variables
/// along the probability-flow ODE (Chen et al. 2018, "Neural ordinary differential equations", theorem 1; Song et al.
/// 2021, "Score-based generative modeling through stochastic differential equations", eq. 39 and appendix D.2):
///   log p(x) = log N(z_T; 0, (1 + sigma_T^2) I) + integral of div((z - D) / sigma) from sigma_min to sigma_T.
///
/// Which density: p is that of z = y / signal at sigma_min = levels.last_sigma(), the last level with noise, when z
/// starts at sigma_T from N(0, (1 + sigma_T^2) I), as the samplers of this library do, and follows the ODE exactly. x
/// is on the scale of the data. p is not the density of what a sampler returns: the last step of a sampler goes on to
/// the clean prediction, which may have no density, and the steps before are not exact. For a model that is the
/// posterior mean of some data, p is the density of data + sigma_min noise up to what sigma_T leaves: the
/// Kullback-Leibler divergence to it is that of N(0, (1 + sigma_T^2) I) to data + sigma_T noise, since the same flow
/// takes both down. It is |mean|^2 / (2 sigma_T^2) to leading order, and 0 for a schedule that starts from pure noise,
/// which is allowed. For sigma_min > 0 a model of low rank has a density too: outside of its modes the deviation is
/// about sigma_min.
///
/// Error: each interval between levels is `substeps` Runge-Kutta steps, of order 4 for a model that depends smoothly on
/// sigma. A network of one level is used at all sigmas that are nearest to its own: the ODE then has jumps, and the
/// order is 1. Float models are integrated in double, but their predictions are rounded.
/// Divergence: see `Divergence`. Estimated (Hutchinson 1990; vectors fixed along a trajectory, Grathwohl et al. 2019,
/// "FFJORD") it is unbiased, and standard_error is that of the mean over the probes.
/// Column j of the result depends on column j of x and its number only, bitwise.
/// Cost: 4 substeps (N - 1) predictions and Jacobians of each sample. A polynomial solves anew in each of them at a
/// sigma where it was not fitted: fit the levels, and those half-way between them in the flow's time -asinh(1 / sigma),
/// in advance (`fit_level`).
/// Throws DimensionMismatch for another shape; InvalidArgument for a sample that is not finite, no level of finite
/// sigma with noise, or options out of range; NumericalError, with levels, sigma and sample, when the trajectory leaves
/// the finite numbers.
template <Denoiser Model, SamplesOf<typename Model::Scalar> X>
[[nodiscard]] LogLikelihood log_likelihood(const Model& model, const NoiseLevels& levels, const X& x,
                                           const FlowOptions& options = {}, const ProgressCallback& progress = {}) {
  return detail::log_likelihood(model, levels, as_batch(x), options, progress);
}

/// Samples of the flow of a model with their log densities.
template <class Scalar>
struct FlowSamples {
  Batch<Scalar> samples;     ///< (d, n), on the scale of the data, with noise sigma_min
  LogLikelihood likelihood;  ///< of these samples
};

/// n >= 1 samples of the density that `log_likelihood` describes, and their log densities at no further cost: the same
/// ODE by the same steps, from the largest noise down to sigma_min. Sample i starts from the x_T of sample i of the
/// library's samplers for this seed, so that it is what a deterministic sampler has at its last noisy level in the
/// limit of many steps; bitwise the same for every n. `options.seed` is that of the probes of an estimated divergence
/// only. Throws InvalidArgument for n < 1, and what `log_likelihood` throws.
template <Denoiser Model>
[[nodiscard]] FlowSamples<typename Model::Scalar> flow_samples(const Model& model, const NoiseLevels& levels, Index n,
                                                               Seed seed, const FlowOptions& options = {},
                                                               const ProgressCallback& callback = {}) {
  using Scalar = typename Model::Scalar;
  using Real = detail::Dependent<double, Model>;
  const Index d = model.dimension();
  detail::require(n >= 1, "flow_samples: n = ", n, ", expected at least 1 sample");
  detail::require_memory<Scalar>(d, n, "flow_samples");
  const detail::ProbabilityFlow<Model> flow("flow_samples", model, levels, options);
  FlowSamples<Scalar> result{Batch<Scalar>(d, n), {Vector<double>(n), Vector<double>(n), levels.last_sigma()}};
  const double scale = std::hypot(1.0, levels.last_sigma());
  ProgressReporter progress(callback, "samples of the flow", n, "samples");
  for (Index first = 0; first < n; first += detail::flow_block) {
    const Index count = std::min(detail::flow_block, n - first);
    Batch<Real> u = normal_batch<Real>(d, count, seed, streams::initial_noise, options.first_sample + first);
    Vector<Real> start(count);
    for (Index column = 0; column < count; ++column)
      start(column) = detail::log_standard_normal(u, column) - static_cast<double>(d) * std::log(scale);
    const Matrix<Real> integrals = flow.run(u, first, false);
    for (Index column = 0; column < count; ++column)
      detail::set_log_density(result.likelihood, first + column, start(column), integrals, column);
    result.samples.middleCols(first, count) = (scale * u).template cast<Scalar>();
    progress.advance(count);
  }
  return result;
}

/// -log_density / (dimension log 2) - log2(bin_width): bits for each of the `dimension` values of an image, given
/// log densities (n) in nats. A value that was rounded to a multiple of bin_width and had uniform noise of that width
/// added has on average at least this many bits of information (Theis, van den Oord and Bethge 2016, "A note on the
/// evaluation of generative models", section 3.1). The default is that of Song et al. 2021 (appendix D.2 and their
/// code): 256 values over [-1, 1] in steps of 2 / 256, which adds 7 bits. Images that this library reads are
/// value / 127.5 - 1, in steps of 2 / 255: pass that for them, 6.994 bits. The density is that of x with noise
/// sigma_min (see `log_likelihood`): where sigma_min is not far below bin_width, no bound is meant. Throws
/// InvalidArgument for a dimension < 1 or a bin_width that is not finite and > 0.
[[nodiscard]] inline Vector<double> bits_per_dimension(const Vector<double>& log_density, Index dimension,
                                                       double bin_width = 2.0 / 256.0) {
  detail::require(dimension >= 1 && bin_width > 0.0 && std::isfinite(bin_width),
                  "bits_per_dimension: dimension = ", dimension, ", bin_width = ", bin_width,
                  "; expected dimension >= 1 and a finite bin_width > 0");
  Vector<double> bits(log_density.size());
  for (Index i = 0; i < bits.size(); ++i)
    bits(i) = -log_density(i) / (static_cast<double>(dimension) * std::numbers::ln2) - std::log2(bin_width);
  return bits;
}

}  // namespace diffarch
