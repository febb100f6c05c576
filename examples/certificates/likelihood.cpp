// The density that a denoiser generates at its last noisy level, and its Kullback-Leibler divergences to the data's.

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "common/report/flow.hpp"
#include "diffarch/analysis/kullback_leibler.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"

namespace certificates {

namespace {

using figures::flow_levels;
using figures::log_densities;

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

namespace {

/// The map from starts u to what a denoiser of the plane generates, x(u), with |det dx/du|.
struct PlaneMap {
  Batch<double> starts;        ///< u on a square grid, (2, n)
  double area = 0.0;           ///< du^2
  Batch<double> ends;          ///< x(u), (2, n)
  Vector<double> determinant;  ///< not finite where the flow runs away
};

constexpr double plane_noise = 0.2;  // on data and samples
constexpr double plane_sigma_T = 40.0;

/// The flow dz / d log sigma = z - D from z = sqrt(1 + sigma_T^2) u, by the classic Runge-Kutta method in log sigma.
template <class Model>
Batch<double> flow_ends(const Model& model, const Batch<double>& u) {
  constexpr Index steps = 48;
  Batch<double> z = std::hypot(1.0, plane_sigma_T) * u;
  const double step = std::log(plane_noise / plane_sigma_T) / real(steps);
  const auto slope = [&](const Batch<double>& at, double steps_done) -> Batch<double> {
    return at - model.denoise(at, NoiseLevel::from_sigma(plane_sigma_T * std::exp(steps_done * step)));
  };
  for (Index k = 0; k < steps; ++k) {
    const Batch<double> first = slope(z, real(k));
    const Batch<double> second = slope(z + 0.5 * step * first, real(k) + 0.5);
    const Batch<double> third = slope(z + 0.5 * step * second, real(k) + 0.5);
    const Batch<double> fourth = slope(z + step * third, real(k) + 1.0);
    z += step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth);
  }
  return z;
}

/// The map of a model on the square [-4.8, 4.8]^2 of starts, with its derivatives by differences.
template <class Model>
PlaneMap plane_map(const Model& model) {
  constexpr Index half = 32;
  constexpr double spacing = 0.15;
  constexpr double difference = 1e-6;
  constexpr Index n = (2 * half + 1) * (2 * half + 1);
  PlaneMap map{Batch<double>(2, n), spacing * spacing, {}, Vector<double>(n)};
  for (Index i = 0; i < n; ++i)
    map.starts.col(i) << spacing * real(i / (2 * half + 1) - half), spacing * real(i % (2 * half + 1) - half);
  Batch<double> shifted(2, 3 * n);
  shifted << map.starts, map.starts, map.starts;
  shifted.row(0).segment(n, n).array() += difference;
  shifted.row(1).tail(n).array() += difference;
  const Batch<double> ends = flow_ends(model, shifted);
  map.ends = ends.leftCols(n);
  const Batch<double> along_x = (ends.middleCols(n, n) - map.ends) / difference;
  const Batch<double> along_y = (ends.rightCols(n) - map.ends) / difference;
  map.determinant = (along_x.row(0).cwiseProduct(along_y.row(1)) - along_x.row(1).cwiseProduct(along_y.row(0)))
                        .cwiseAbs()
                        .transpose();
  return map;
}

/// Both divergences between the data with noise and what a map generates, by sums over the grid of its starts.
struct PlaneDivergences {
  double of_data = 0.0;       ///< KL(data || generated), of the data that the map reaches
  double reached = 0.0;       ///< share of the data that the map reaches
  double of_generated = 0.0;  ///< KL(generated || data), of the starts that stay finite
  double finite = 0.0;        ///< share of the starts that stay finite
};

PlaneDivergences divergences_of(const PlaneMap& map, const GaussianMixture<double>& mixture) {
  PlaneDivergences result;
  for (Index i = 0; i < map.starts.cols(); ++i) {
    if (!std::isfinite(map.determinant(i))) continue;
    const double log_start = -0.5 * map.starts.col(i).squaredNorm() - std::log(2.0 * std::numbers::pi);
    const double log_generated = log_start - std::log(map.determinant(i));
    const double log_data = log_density_with_noise(mixture, map.ends(0, i), map.ends(1, i), plane_noise);
    const double of_data = map.area * std::exp(log_data) * map.determinant(i);
    const double of_generated = map.area * std::exp(log_start);
    result.reached += of_data;
    result.finite += of_generated;
    if (of_data > 0.0) result.of_data += of_data * (log_data - log_generated);
    result.of_generated += of_generated * (log_generated - log_data);
  }
  return result;
}

/// Points of the data, (2, n), with noise.
Batch<double> noisy_data(const GaussianMixture<double>& mixture, Index n) {
  return mixture.sample(n, Seed{52}) + plane_noise * normal_batch<double>(2, n, Seed{53});
}

/// KL(data || generated) of a polynomial or a network whose flow comes from everywhere.
template <class Model>
KullbackLeibler divergence_of_data(const Model& model, const GaussianMixture<double>& mixture) {
  const Batch<double> x = noisy_data(mixture, 1000);
  return kullback_leibler(mixture.with_noise(plane_noise).log_density(x),
                          log_likelihood(model, flow_levels(plane_sigma_T, plane_noise), x).log_density);
}

/// The best polynomial, fitted in advance where the flow of a likelihood asks for it: at the levels and between them.
MonomialDenoiser<double, false> polynomial_of(int degree, const GaussianMixture<double>& mixture) {
  MonomialDenoiser<double, false> model(degree, HermiteMoments::from(moments_of(mixture, 2 * degree), 2 * degree));
  const NoiseLevels levels = flow_levels(plane_sigma_T, plane_noise, 47);
  for (Index i = 0; i < levels.noisy_levels(); ++i) model.fit_level(levels[i]);
  return model;
}

/// Degrees whose generated distribution has a density everywhere, or nearly so.
void certify_polynomials(const GaussianMixture<double>& mixture, Certificate& certificate) {
  const Vector<double> degrees{{1.0, 2.0, 5.0}};
  Vector<double> predicted(degrees.size());
  Vector<double> measured(degrees.size());
  for (Index i = 0; i < degrees.size(); ++i) {
    const int degree = static_cast<int>(degrees(i));
    const auto model = polynomial_of(degree, mixture);
    const PlaneDivergences by_map = divergences_of(plane_map(model), mixture);
    const KullbackLeibler found = divergence_of_data(model, mixture);
    predicted(i) = by_map.of_data;
    measured(i) = found.value;
    certificate.equal(diffarch::detail::concat("degree ", degree, ": KL of the data to what is generated"),
                      predicted(i), measured(i), standard_errors * found.standard_error);
    if (degree == 5)
      certificate.at_least("degree 5: share of x_T that run away, which makes KL(generated to data) infinite", 1e-3,
                           1.0 - by_map.finite);
  }
  Panel panel{.title = "KL of the data to what polynomials generate", .x_label = "degree", .y_label = "nats"};
  add_prediction(panel, "by the map of x_T", degrees, predicted, measured);
  certificate.panels.push_back(std::move(panel));
}

/// Degree 3: the data that it does not generate.
void certify_cubic(const GaussianMixture<double>& mixture, Certificate& certificate) {
  constexpr Index n = 1000;
  const NoiseLevels levels = flow_levels(plane_sigma_T, plane_noise);
  const auto model = polynomial_of(3, mixture);
  const PlaneMap map = plane_map(model);
  const PlaneDivergences by_map = divergences_of(map, mixture);
  const KullbackLeibler found = measured_divergence(model, levels, mixture, n);
  certificate.equal("degree 3: KL of what is generated to the data", by_map.of_generated, found.value,
                    standard_errors * found.standard_error);
  const Batch<double> x = noisy_data(mixture, n);
  const auto densities = log_densities(model, levels, x);
  std::vector<Index> outside;
  for (Index i = 0; i < n; ++i)
    if (!densities[static_cast<std::size_t>(i)]) outside.push_back(i);
  const double share = 1.0 - by_map.reached;
  certificate.equal("degree 3: share of the data where nothing is generated, so that KL of the data is infinite", share,
                    real(static_cast<Index>(outside.size())) / real(n),
                    standard_errors * std::sqrt(share * (1.0 - share) / real(n)));
  certificate.at_least("degree 3: this share", 0.01, real(static_cast<Index>(outside.size())) / real(n));
  certificate.panels.push_back({.title = "All that a cubic generates",
                                .series = {scatter("x_T on a grid to 4.8 deviations", map.ends), scatter("data", x),
                                           scatter("data without a density", Batch<double>(x(Eigen::all, outside)))},
                                .equal_aspect = true,
                                .x_range = PlotRange{-3.0, 3.0},
                                .y_range = PlotRange{-3.0, 3.0}});
}

/// A bottleneck that is trained in a moment.
template <int H>
auto small_bottleneck(const GaussianMixture<double>& mixture) {
  const Bottleneck<H, BottleneckForm::plane> architecture{
      .training = {.epochs = 150, .batch_size = 50, .learning_rate = 3e-3, .warm_start = true, .seed = Seed{2}}};
  return fit(architecture, mixture.sample(300, Seed{1}), CosineSchedule{.steps = 8});
}

void certify_bottlenecks(const GaussianMixture<double>& mixture, Certificate& certificate) {
  const NoiseLevels levels = flow_levels(plane_sigma_T, plane_noise);
  const auto certify = [&](const auto& model, const std::string& name) {
    const PlaneDivergences by_map = divergences_of(plane_map(model), mixture);
    const KullbackLeibler found = measured_divergence(model, levels, mixture, 1000);
    certificate.equal(name + ": KL of what is generated to the data", by_map.of_generated, found.value,
                      standard_errors * found.standard_error);
    return std::pair(by_map.of_data, divergence_of_data(model, mixture));
  };
  const auto [narrow_by_map, narrow] = certify(small_bottleneck<1>(mixture), "bottleneck h = 1");
  const auto [wide_by_map, wide] = certify(small_bottleneck<2>(mixture), "bottleneck h = 2");
  certificate.equal("bottleneck h = 2: KL of the data to what is generated", wide_by_map, wide.value,
                    standard_errors * wide.standard_error);
  certificate.at_least("bottleneck h = 1: KL of the data to what is generated, over that of h = 2", 5.0,
                       narrow.value / wide.value);
}

}  // namespace

Certificate divergence_in_the_plane() {
  Certificate certificate;
  const GaussianMixture<double> mixture = three_component_mixture();
  certify_polynomials(mixture, certificate);
  certify_cubic(mixture, certificate);
  certify_bottlenecks(mixture, certificate);
  return certificate;
}

}  // namespace certificates
