// The density that a denoiser generates at its last noisy level, and its Kullback-Leibler divergence to the data's.

#include <cmath>
#include <numbers>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/analysis/kullback_leibler.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/schedule/custom.hpp"

namespace certificates {

namespace {

/// Levels in equal steps of the flow's time -asinh(1 / sigma), from sigma_T (0: pure noise) to sigma_min.
NoiseLevels flow_levels(double sigma_T, double sigma_min) {
  constexpr Index steps = 24;
  const double start = sigma_T > 0.0 ? -std::asinh(1.0 / sigma_T) : 0.0;
  const double end = -std::asinh(1.0 / sigma_min);
  std::vector<NoiseLevel> levels;
  for (Index k = 0; k < steps; ++k) {
    const double time = start + (end - start) * real(k) / real(steps - 1);
    levels.push_back({std::tanh(-time), 1.0 / std::cosh(time)});
  }
  levels.push_back({});
  return NoiseLevels(std::move(levels));
}

/// log p of a mixture in the plane with noise sigma, written out; diagonal covariances.
double log_density_with_noise(const GaussianMixture<double>& mixture, double x, double y, double sigma) {
  Vector<double> terms(mixture.components());
  for (Index k = 0; k < terms.size(); ++k) {
    const Matrix<double>& covariance = mixture.covariances()[static_cast<std::size_t>(k)];
    const double a = covariance(0, 0) + sigma * sigma;
    const double b = covariance(1, 1) + sigma * sigma;
    const double u = x - mixture.means()(0, k);
    const double v = y - mixture.means()(1, k);
    terms(k) = std::log(mixture.weights()(k)) - 0.5 * (u * u / a + v * v / b + std::log(a * b));
  }
  const double largest = terms.maxCoeff();
  return largest + std::log((terms.array() - largest).exp().sum()) - std::log(2.0 * std::numbers::pi);
}

/// KL(N(0, variance I) || mixture + sigma noise) by the trapezoidal rule.
double divergence_of_gaussian(double variance, const GaussianMixture<double>& mixture, double sigma) {
  constexpr Index half = 160;
  const double step = std::sqrt(variance) / 20.0;
  double sum = 0.0;
  for (Index i = -half; i <= half; ++i)
    for (Index j = -half; j <= half; ++j) {
      const double x = step * real(i);
      const double y = step * real(j);
      const double log_normal = -0.5 * (x * x + y * y) / variance - std::log(2.0 * std::numbers::pi * variance);
      sum += step * step * std::exp(log_normal) * (log_normal - log_density_with_noise(mixture, x, y, sigma));
    }
  return sum;
}

constexpr double standard_errors = 4.0;
constexpr Seed samples_seed{51};

/// KL(what a model generates || mixture), both with the noise of the last noisy level.
template <class Model>
KullbackLeibler measured_divergence(const Model& model, const NoiseLevels& levels,
                                    const GaussianMixture<double>& mixture, Index n) {
  const GaussianMixture<double> noisy = mixture.with_noise(levels.last_sigma());
  return kullback_leibler(flow_samples(model, levels, n, samples_seed),
                          [&](const Batch<double>& x) { return noisy.log_density(x); });
}

}  // namespace

Certificate divergence_is_predicted() {
  Certificate certificate;
  // Mean 0 and covariance I: the linear denoiser generates a round Gaussian.
  const GaussianMixture<double> mixture = three_component_mixture();
  const auto linear =
      fit(Linear{}, GaussianMoments<double>(mixture.mean(), mixture.covariance()), CustomSchedule({{0.0, 1.0}, {}}));
  const Vector<double> sigmas{{0.1, 0.2, 0.4, 0.8}};
  Vector<double> predicted(sigmas.size());
  Vector<double> measured(sigmas.size());
  for (Index i = 0; i < sigmas.size(); ++i) {
    predicted(i) = divergence_of_gaussian(1.0 + sigmas(i) * sigmas(i), mixture, sigmas(i));
    const KullbackLeibler found = measured_divergence(linear, flow_levels(0.0, sigmas(i)), mixture, 4000);
    measured(i) = found.value;
    certificate.equal("KL of what Linear generates to the mixture, noise " + std::to_string(sigmas(i)).substr(0, 3),
                      predicted(i), measured(i), standard_errors * found.standard_error);
  }

  // The exact denoiser of the mixture moved off zero.
  const GaussianMixture<double> moved(mixture.weights(), mixture.means().colwise() + Vector<double>{{1.0, -0.5}},
                                      mixture.covariances());
  const auto exact = fit(GaussianMixtureScore{}, moved, CustomSchedule({{0.0, 1.0}, {}}));
  certificate.zero("the exact denoiser from pure noise: KL",
                   measured_divergence(exact, flow_levels(0.0, 0.2), moved, 200).value, 1e-4);
  constexpr Index n = 2000;
  const Batch<double> starts = normal_batch<double>(2, n, samples_seed);
  for (const double sigma_T : {2.0, 4.0}) {
    const KullbackLeibler found = measured_divergence(exact, flow_levels(sigma_T, 0.2), moved, n);
    const double variance = 1.0 + sigma_T * sigma_T;
    double of_starts = 0.0;  // the same estimate at sigma_T, of the points where these samples start
    for (Index k = 0; k < n; ++k) {
      const Vector<double> x = std::sqrt(variance) * starts.col(k);
      of_starts += (-0.5 * starts.col(k).squaredNorm() - std::log(2.0 * std::numbers::pi * variance) -
                    log_density_with_noise(moved, x(0), x(1), sigma_T)) /
                   real(n);
    }
    const std::string from = "the same from sigma_T = " + std::to_string(sigma_T).substr(0, 1);
    certificate.equal(from + ": KL of the two starts", divergence_of_gaussian(variance, moved, sigma_T), found.value,
                      standard_errors * found.standard_error);
    certificate.equal(from + ": that of the starts of the same samples", of_starts, found.value, 1e-4);
  }

  Panel panel{.title = "KL of what Linear generates to the mixture",
              .x_label = "noise on both",
              .y_label = "nats",
              .log_x = true};
  add_prediction(panel, "Linear", sigmas, predicted, measured);
  certificate.panels.push_back(std::move(panel));
  return certificate;
}

}  // namespace certificates
