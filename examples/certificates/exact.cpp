// Denoisers that are exact posterior means: of a mixture (Theorem 1), and of a training set.

#include <cmath>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/analysis/energy_distance.hpp"
#include "diffarch/core/any_denoiser.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"

namespace certificates {

namespace {

using ExactSampler = DiffusionSampler<AnyArchitecture<double>, KarrasSchedule, Cpu, Heun, double>;

/// Samples with the exact denoiser of a mixture.
ExactSampler exact_sampler(const GaussianMixture<double>& mixture, const KarrasSchedule& schedule) {
  ExactSampler sampler{{.label = "exact denoiser"}, schedule};
  sampler.set_model(AnyDenoiser<double>(fit(GaussianMixtureScore{}, mixture, schedule)));
  return sampler;
}

/// P(x + sigma epsilon <= y) for a mixture on the line.
double noisy_distribution(const GaussianMixture<double>& mixture, double y, double sigma) {
  double sum = 0.0;
  for (Index k = 0; k < mixture.components(); ++k)
    sum += mixture.weights()(k) *
           normal_distribution((y - mixture.means()(0, k)) /
                               std::hypot(mixture.deviations()[static_cast<std::size_t>(k)](0), sigma));
  return sum;
}

/// The x with P(X <= x) = P(X + sigma epsilon <= y).
double transported(const GaussianMixture<double>& mixture, double y, double sigma) {
  const double wanted = noisy_distribution(mixture, y, sigma);
  double low = -20.0;
  double high = 20.0;
  for (int i = 0; i < 80; ++i) {
    const double middle = 0.5 * (low + high);
    (noisy_distribution(mixture, middle, 0.0) < wanted ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// Distance of a point from the nearest training point.
double nearest_distance(const Batch<double>& data, const Vector<double>& x) {
  return std::sqrt((data.colwise() - x).colwise().squaredNorm().minCoeff());
}

constexpr double copy_distance = 1e-6;  ///< of a training point: a copy

/// Share of samples that are copies, from the posterior weights alone: at the last level a sample is sum_i w_i x_i with
/// w_i ~ exp(-|y - x_i|^2 / (2 sigma^2)), and y = x + sigma epsilon for a training point x. Nothing is sampled with a
/// denoiser.
double predicted_share_of_copies(const Batch<double>& data, double sigma) {
  constexpr Index draws = 2;  // for each training point
  Index copies = 0;
  for (Index draw = 0; draw < draws; ++draw) {
    const Batch<double> y =
        data + sigma * normal_batch<double>(data.rows(), data.cols(), Seed{400U + static_cast<std::uint64_t>(draw)});
    for (Index j = 0; j < y.cols(); ++j) {
      const Vector<double> squared = (data.colwise() - y.col(j)).colwise().squaredNorm().transpose();
      const Vector<double> weights = (-(squared.array() - squared.minCoeff()) / (2.0 * sigma * sigma)).exp();
      if (nearest_distance(data, data * weights / weights.sum()) < copy_distance) ++copies;
    }
  }
  return real(copies) / real(draws * data.cols());
}

/// The same measured: share of 300 samples of the ideal denoiser in 50 steps that end at sigma_min.
double measured_share_of_copies(const Batch<double>& data, double sigma_min) {
  const KarrasSchedule schedule{.steps = 50, .sigma_min = sigma_min};
  DiffusionSampler<Ideal, KarrasSchedule, Cpu, Ddim, double> sampler{{}, schedule};
  sampler.fit(data);
  const Batch<double> samples = sampler.sample(300, Seed{41});
  Index copies = 0;
  for (Index j = 0; j < samples.cols(); ++j)
    if (nearest_distance(data, samples.col(j)) < copy_distance) ++copies;
  return real(copies) / real(samples.cols());
}

}  // namespace

Certificate exact_denoiser_generates_target() {
  Certificate certificate;
  // On the line the deterministic flow keeps the order of points, so it has to be the one monotone map that carries the
  // noisy distribution to the target: no sampling error, every sample is known.
  const GaussianMixture<double> line = mixture_on_line({0.3, 0.5, 0.2}, {-1.5, 0.5, 1.8}, {0.3, 0.4, 0.15});
  const Vector<double> x_T = equally_spaced(-3.0, 3.0, 121);
  Vector<double> expected(x_T.size());
  Vector<double> shown;
  Vector<double> errors(3);
  const Vector<double> steps{{50.0, 100.0, 200.0}};
  for (Index i = 0; i < steps.size(); ++i) {
    const KarrasSchedule schedule{.steps = static_cast<Index>(steps(i))};
    const ExactSampler sampler = exact_sampler(line, schedule);
    shown = sampler.sample_from(Batch<double>(x_T.transpose())).transpose();
    const double sigma_T = sampler.levels().sigma_T();
    for (Index j = 0; j < x_T.size(); ++j)
      expected(j) = transported(line, std::sqrt(1.0 + sigma_T * sigma_T) * x_T(j), sigma_T);
    errors(i) = (shown - expected).cwiseAbs().maxCoeff();
  }
  certificate.zero("on the line, 200 Heun steps: largest distance from the monotone map to the target", errors(2),
                   2e-3);
  certificate.at_most("twice the steps leave of this error", 0.35, errors(2) / errors(1));

  // In the plane: the energy distance to the target is that of a second set drawn from the target itself.
  const GaussianMixture<double> mixture = three_component_mixture();
  const ExactSampler sampler = exact_sampler(mixture, KarrasSchedule{.steps = 100});
  constexpr Index n = 1000;
  const Batch<double> samples = sampler.sample(n, Seed{1});
  const Batch<double> target = mixture.sample(n, Seed{2});
  constexpr int repetitions = 20;
  double sum_of_squares = 0.0;
  for (int i = 0; i < repetitions; ++i) {
    const double distance = energy_distance(mixture.sample(n, Seed{100U + 2U * static_cast<std::uint64_t>(i)}),
                                            mixture.sample(n, Seed{101U + 2U * static_cast<std::uint64_t>(i)}));
    sum_of_squares += distance * distance;
  }
  const double deviation = std::sqrt(sum_of_squares / repetitions);
  certificate.zero("in the plane: energy distance of samples and target, in standard deviations of chance",
                   energy_distance(samples, target) / deviation, 5.0);
  const Batch<double> noise = normal_batch<double>(2, n, Seed{3});
  certificate.at_least("the same for Gaussian samples of equal mean and covariance", 20.0,
                       energy_distance(noise, target) / deviation);

  certificate.panels.push_back({.title = "On the line: where each x_T ends",
                                .x_label = "x_T",
                                .y_label = "x_0",
                                .series = {series_of("monotone map to the target", x_T, expected, SeriesStyle::lines),
                                           series_of("measured, 200 steps", x_T, shown, SeriesStyle::points)}});
  HeatMap density{.values = Matrix<double>(101, 101), .x = {-2.5, 2.5}, .y = {-2.5, 2.5}};
  for (Index row = 0; row < 101; ++row) {
    Batch<double> points(2, 101);
    for (Index column = 0; column < 101; ++column)
      points.col(column) << -2.5 + 0.05 * real(column), -2.5 + 0.05 * real(row);
    density.values.row(row) = mixture.density(points).transpose();
  }
  certificate.panels.push_back({.title = "In the plane: density of the target, and samples",
                                .series = {scatter("samples", samples)},
                                .heat_map = density,
                                .equal_aspect = true});
  return certificate;
}

Certificate ideal_denoiser_copies() {
  Certificate certificate;
  constexpr Index d = 32;
  constexpr Index n = 400;
  const Batch<double> data = normal_batch<double>(d, n, Seed{4}, streams::data);
  DiffusionSampler<Ideal, CosineSchedule, Cpu, Ddim, double> sampler{{}, CosineSchedule{.steps = 50}};
  sampler.fit(data);
  constexpr Index count = 200;
  Matrix<double> nearest_by_step(count, 50);
  const auto nearest = [&](const Vector<double>& x) { return nearest_distance(data, x) / std::sqrt(real(d)); };
  const Batch<double> noise = normal_batch<double>(d, count, Seed{5});
  const Batch<double> samples = sampler.sample_from(noise, [&](const auto& step) {
    for (Index j = 0; j < step.x0_hat.cols(); ++j)
      nearest_by_step(step.first_sample + j, step.step) = nearest(step.x0_hat.col(j));
  });
  Vector<double> distance(count);
  std::vector<bool> copied(static_cast<std::size_t>(n), false);
  for (Index j = 0; j < count; ++j) {
    distance(j) = nearest(samples.col(j));
    Index which = 0;
    (data.colwise() - samples.col(j)).colwise().squaredNorm().minCoeff(&which);
    copied[static_cast<std::size_t>(which)] = true;
  }
  certificate.zero("largest distance of 200 samples from the nearest training point (rms)", distance.maxCoeff(), 1e-9);
  certificate.at_least("different training points among them", 50.0,
                       real(std::count(copied.begin(), copied.end(), true)));

  // Points of the plane are dense against the last noise level, and few samples are copies, until that level is small.
  const Batch<double> plane = three_component_mixture().sample(1000, Seed{7});
  certificate.equal("these points, last sigma: predicted share of copies", 1.0,
                    predicted_share_of_copies(data, sampler.levels().last_sigma()), 0.0);
  for (const double sigma : {0.01, 0.002, 1e-4})
    certificate.equal(detail::concat("1000 points of the plane, last sigma ", sigma, ": share of copies (50 steps)"),
                      predicted_share_of_copies(plane, sigma), measured_share_of_copies(plane, sigma), 0.08);
  certificate.at_most("1000 points of the plane, 10 steps of the cosine schedule: predicted share of copies", 0.002,
                      predicted_share_of_copies(plane, CosineSchedule{.steps = 10}.levels().last_sigma()));
  certificate.details["copies_within"] = copy_distance;

  // The definition, in the reverse order of the training points.
  const NoiseLevel level = NoiseLevel::from_sigma(0.9).variance_preserving();
  const Batch<double> y = level.signal * data.leftCols(40) + level.noise * normal_batch<double>(d, 40, Seed{6});
  Batch<double> expected(d, y.cols());
  for (Index j = 0; j < y.cols(); ++j) {
    Vector<double> exponent(n);
    for (Index i = 0; i < n; ++i)
      exponent(i) = -(y.col(j) - level.signal * data.col(i)).squaredNorm() / (2.0 * level.noise * level.noise);
    const Vector<double> weights = (exponent.array() - exponent.maxCoeff()).exp();
    expected.col(j) = data * weights / weights.sum();
  }
  const auto& model = sampler.model();
  const Batch<double> x0_hat = model.denoise(y, level);
  const IdealDenoiser<double> reversed(Batch<double>(data.rowwise().reverse()));
  certificate.zero("posterior mean against its definition (relative)", relative_difference(x0_hat, expected), 1e-12);
  certificate.zero("training points in reverse order (relative)",
                   relative_difference(reversed.denoise(y, level), x0_hat), 1e-12);
  double by_itself = 0.0;
  for (Index j = 0; j < y.cols(); ++j)
    by_itself =
        std::max(by_itself, (model.denoise(Batch<double>(y.col(j)), level) - x0_hat.col(j)).cwiseAbs().maxCoeff());
  certificate.zero("one sample by itself against the same in a batch (bitwise)", by_itself, 0.0);

  const Vector<double> step = equally_spaced(1.0, 50.0, 50);
  certificate.panels.push_back(
      {.title = "Predictions on the way: distance to the nearest training point",
       .x_label = "step",
       .y_label = "rms distance (below 1e-16: zero)",
       .series = {series_of("largest of 200", step, nearest_by_step.colwise().maxCoeff().transpose(),
                            SeriesStyle::lines_points, 1e-17),
                  series_of("smallest of 200", step, nearest_by_step.colwise().minCoeff().transpose(),
                            SeriesStyle::lines_points, 1e-17)},
       .log_y = true});
  return certificate;
}

}  // namespace certificates
