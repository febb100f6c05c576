// The linear family: Theorems 3 and 4, and what a finite number of steps makes of them.

#include <Eigen/Eigenvalues>
#include <cmath>
#include <numbers>

#include "certificates/statements.hpp"
#include "certificates/tools.hpp"
#include "diffarch/analysis/gaussian_agreement.hpp"
#include "diffarch/analysis/moment_matching.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/linear_beta.hpp"

namespace certificates {

namespace {

template <class A, class S, class Rule = Ddim>
using Sampler = DiffusionSampler<A, S, Cpu, Rule, double>;

/// Far from Gaussian: exponential numbers, scaled to the given standard deviations, mixed, and moved off zero.
Batch<double> skewed_samples(const Vector<double>& deviations, Index n, Seed seed) {
  const Index d = deviations.size();
  const CounterRandom random(seed, streams::data);
  Batch<double> x(d, n);
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < d; ++i) x(i, j) = deviations(i) * (-std::log(random.uniform(j, i)) - 1.0);
  for (Index i = 1; i < d; ++i) x.row(i) += 0.3 * x.row(i - 1);
  for (Index i = 0; i < d; ++i) x.row(i).array() += 1.5 - 0.4 * real(i % 5);
  return x;
}

/// Mean, covariance and eigenmodes, by the definition.
struct Moments {
  Vector<double> mean;
  Matrix<double> covariance;
  Vector<double> variances;   ///< decreasing
  Matrix<double> directions;  ///< in their order
};

Moments moments_by_definition(const Batch<double>& x) {
  const Vector<double> mean = x.rowwise().mean();
  const Matrix<double> centred = x.colwise() - mean;
  const Matrix<double> covariance = centred * centred.transpose() / real(x.cols());
  const Eigen::SelfAdjointEigenSolver<Matrix<double>> solver(covariance);
  return {mean, covariance, solver.eigenvalues().reverse(), solver.eigenvectors().rowwise().reverse()};
}

/// prod_i (lambda + sigma_i sigma_{i+1}) / (lambda + sigma_i^2): what N DDIM steps do to a mode of variance lambda, in
/// coordinates y / signal.
double ddim_gain(double lambda, const NoiseLevels& levels) {
  long double gain = 1.0L;
  for (Index i = 0; i < levels.steps(); ++i) {
    const long double sigma = levels[i].sigma();
    const long double next = levels[i + 1].sigma();
    gain *= (lambda + sigma * next) / (lambda + sigma * sigma);
  }
  return static_cast<double>(gain);
}

/// Variance that DDIM generates in a mode of variance lambda.
double ddim_variance(double lambda, const NoiseLevels& levels) {
  const double gain = ddim_gain(lambda, levels);
  return (1.0 + levels.sigma_T() * levels.sigma_T()) * gain * gain;
}

/// The same for Heun's method (Euler at the last step).
double heun_variance(double lambda, const NoiseLevels& levels) {
  const auto slope = [lambda](double sigma) { return sigma / (lambda + sigma * sigma); };  // dz / dsigma / z
  double gain = 1.0;
  for (Index i = 0; i < levels.steps(); ++i) {
    const double step = levels[i + 1].sigma() - levels[i].sigma();
    const double euler = 1.0 + step * slope(levels[i].sigma());
    gain *= levels[i + 1].is_clean()
                ? euler
                : 1.0 + 0.5 * step * (slope(levels[i].sigma()) + slope(levels[i + 1].sigma()) * euler);
  }
  return (1.0 + levels.sigma_T() * levels.sigma_T()) * gain * gain;
}

GaussianMoments<double> diagonal_gaussian(const Vector<double>& variances) {
  return GaussianMoments<double>(Vector<double>::Zero(variances.size()), Matrix<double>(variances.asDiagonal()));
}

Vector<double> logarithmic(double first, double last, Index count) {
  return equally_spaced(std::log(first), std::log(last), count).array().exp();
}

double excess_kurtosis(const Vector<double>& x) {
  const Eigen::ArrayXd centred = x.array() - x.mean();
  const double variance = centred.square().mean();
  return centred.square().square().mean() / (variance * variance) - 3.0;
}

Vector<double> mode_numbers(Index count) { return equally_spaced(1.0, real(count), count); }

}  // namespace

Certificate linear_denoiser_generates_gaussian() {
  Certificate certificate;
  const Batch<double> x = skewed_samples(Vector<double>{{2.0, 1.5, 1.0, 0.7, 0.5}}, 400, Seed{1});
  const Moments data = moments_by_definition(x);

  // Many steps: the first two moments of the data, and nothing else of them.
  Vector<double> largest_error(4);
  Vector<double> predicted_error(4);
  const Vector<double> steps{{10.0, 100.0, 1000.0, 4000.0}};
  for (Index i = 0; i < steps.size(); ++i) {
    const CosineSchedule schedule{.steps = static_cast<Index>(steps(i)), .train_steps = 4000};
    Sampler<Linear, CosineSchedule> sampler{Linear{}, schedule};
    sampler.fit(x);
    const AffineSampler generated = affine_map_of(sampler);
    const Moments moments{generated.offset, generated.covariance(), eigenvalues(generated.covariance()), {}};
    largest_error(i) = (moments.variances.cwiseQuotient(data.variances).array() - 1.0).abs().maxCoeff();
    predicted_error(i) = 0.0;
    for (const double lambda : data.variances)
      predicted_error(i) =
          std::max(predicted_error(i), std::abs(ddim_variance(lambda, schedule.levels()) / lambda - 1.0));
    if (i + 1 < steps.size()) continue;
    certificate.zero("4000 steps: largest relative error of a variance", largest_error(i), 5e-3);
    certificate.zero("4000 steps: distance of the mean from the data's", (generated.offset - data.mean).norm(), 5e-3);
    const Batch<double> noise = normal_batch<double>(5, 200, Seed{2});
    const Batch<double> expected = (generated.map * noise).colwise() + generated.offset;
    certificate.zero("samples against an affine map of Gaussian noise (relative)",
                     relative_difference(sampler.sample_from(noise, TakeEveryStep{}), expected), 1e-12);
  }
  // Ten steps: the Gaussian that the library predicts, tested on samples; 4.9 deviations happen once in a million.
  Sampler<Linear, CosineSchedule> sampler{Linear{}, CosineSchedule{.steps = 10}};
  sampler.fit(x);
  constexpr Index n = 4000;
  const Batch<double> samples = sampler.sample(n, Seed{3});
  const PredictedGaussian predicted = predicted_distribution(sampler.model(), sampler.schedule()).finite_steps;
  const GaussianAgreement agreement =
      gaussian_agreement(samples, predicted.mean, sampler.model().basis(), predicted.mode_variance);
  certificate.zero("10 steps, 4000 samples: score z of the variances", agreement.variance_z, 4.9);
  certificate.zero("10 steps, 4000 samples: score z of the means", agreement.mean_z, 4.9);
  const Vector<double> first = samples.transpose() * sampler.model().basis().col(0);
  const Vector<double> first_of_data = x.transpose() * sampler.model().basis().col(0);
  certificate.zero("score z of the samples' excess kurtosis, first mode", excess_kurtosis(first) / std::sqrt(24.0 / n),
                   4.9);
  certificate.at_least("excess kurtosis of the data, first mode", 1.0, excess_kurtosis(first_of_data));
  certificate.details["data_variances"] = std::vector<double>(data.variances.begin(), data.variances.end());

  certificate.panels.push_back({.title = "How far the variances are from the data's",
                                .x_label = "DDIM steps N",
                                .y_label = "largest relative error",
                                .series = {series_of("predicted, finite N", steps, predicted_error, SeriesStyle::lines),
                                           series_of("measured", steps, largest_error, SeriesStyle::points)},
                                .log_x = true,
                                .log_y = true});
  certificate.panels.push_back(
      {.title = "Exponential data, Gaussian samples",
       .x_label = "mode 1",
       .y_label = "mode 2",
       .series = {
           scatter("data", Batch<double>(sampler.model().basis().transpose() * x)),
           scatter("samples, 10 steps", Batch<double>(sampler.model().basis().transpose() * samples.leftCols(400)))}});
  return certificate;
}

Certificate rank_k_generates_rank_k_gaussian() {
  Certificate certificate;
  constexpr Index d = 12;
  constexpr Index rank = 4;
  const Batch<double> x = skewed_samples(logarithmic(2.0, 0.3, d), 300, Seed{4});
  const Moments data = moments_by_definition(x);
  const CosineSchedule schedule{.steps = 10};
  Sampler<RankK, CosineSchedule> sampler{RankK{.rank = rank}, schedule};
  sampler.fit(x);
  const Batch<double> samples = sampler.sample(500, Seed{5}, TakeEveryStep{});
  const Vector<double> singular =
      singular_values(Matrix<double>(samples.colwise() - Vector<double>(samples.rowwise().mean())));
  certificate.zero("singular value K + 1 of 500 centred samples, over the first", singular(rank) / singular(0), 1e-12);
  certificate.at_least("singular value K, over the first", 1e-2, singular(rank - 1) / singular(0));

  const AffineSampler generated = affine_map_of(sampler);
  const Vector<double> measured = eigenvalues(generated.covariance());
  Vector<double> predicted(rank);
  for (Index mode = 0; mode < rank; ++mode) predicted(mode) = ddim_variance(data.variances(mode), schedule.levels());
  certificate.zero("variances of the K modes after 10 steps (relative to the formula)",
                   relative_difference(measured.head(rank), predicted), 1e-10);
  const Matrix<double> outside =
      generated.map - data.directions.leftCols(rank) * (data.directions.leftCols(rank).transpose() * generated.map);
  certificate.zero("what leaves the span of the K leading modes of the data", outside.norm() / generated.map.norm(),
                   1e-10);

  const CosineSchedule many{.steps = 4000, .train_steps = 4000};
  Sampler<RankK, CosineSchedule> long_sampler{RankK{.rank = rank}, many};
  long_sampler.fit(x);
  const Vector<double> limit = eigenvalues(affine_map_of(long_sampler).covariance());
  certificate.zero("4000 steps: largest relative error of the K variances of the data",
                   relative_difference(limit.head(rank), data.variances.head(rank)), 5e-3);
  certificate.panels.push_back(
      {.title = "Variances of the modes, K = 4",
       .x_label = "mode",
       .y_label = "variance",
       .series = {series_of("data", mode_numbers(d), data.variances, SeriesStyle::lines),
                  series_of("predicted, 10 steps", mode_numbers(rank), predicted, SeriesStyle::dashed_lines),
                  series_of("measured, 10 steps", mode_numbers(d), measured, SeriesStyle::points),
                  series_of("measured, 4000 steps", mode_numbers(d), limit, SeriesStyle::points)}});
  return certificate;
}

Certificate gain_oracle() {
  Certificate certificate;
  constexpr Index d = 30;
  const Batch<double> x = skewed_samples(logarithmic(3.0, 0.05, d), 80, Seed{6});
  const Moments data = moments_by_definition(x);
  const Batch<double> noise = normal_batch<double>(d, 50, Seed{7});
  Panel panel{.title = "Gain of 10 steps on each mode: formula and samples",
              .x_label = "variance of the mode",
              .y_label = "gain sqrt(1 + sigma_T^2) G",
              .log_x = true,
              .log_y = true};
  const auto check = [&](const auto& schedule, bool show) {
    const NoiseLevels levels = schedule.levels();
    Sampler<Linear, std::remove_cvref_t<decltype(schedule)>> sampler{Linear{}, schedule};
    sampler.fit(x);
    // out = mu + sum_i u_i G_i (u_i . x_T / signal_T - u_i . mu), levels in coordinates y / signal.
    const double scale = std::sqrt(1.0 + levels.sigma_T() * levels.sigma_T());
    const Vector<double> gains = data.variances.unaryExpr([&](double lambda) { return ddim_gain(lambda, levels); });
    const Matrix<double> expected =
        (data.directions *
         (gains.asDiagonal() * (data.directions.transpose() * ((scale * noise).colwise() - data.mean))))
            .colwise() +
        data.mean;
    const std::string name = detail::concat(schedule.name(), ", N = ", levels.steps());
    certificate.zero(name + ", every step taken",
                     relative_difference(sampler.sample_from(noise, TakeEveryStep{}), expected), 1e-12);
    certificate.zero(name + ", collapsed", relative_difference(sampler.sample_from(noise), expected), 1e-12);
    if (!show) return;
    const Matrix<double> map = affine_map_of(sampler).map;
    Vector<double> measured(d);
    for (Index mode = 0; mode < d; ++mode)
      measured(mode) = data.directions.col(mode).dot(map * data.directions.col(mode));
    add_prediction(panel, "predicted, " + schedule.name(), data.variances, scale * gains, measured);
  };
  for (const Index steps : {5, 10, 50}) {
    check(CosineSchedule{.steps = steps}, steps == 10);
    check(LinearBetaSchedule{.steps = steps}, steps == 10);
    check(KarrasSchedule{.steps = steps}, steps == 10);
  }
  certificate.panels.push_back(panel);
  return certificate;
}

Certificate ddim_loses_variance() {
  Certificate certificate;
  const Vector<double> lambdas = logarithmic(100.0, 0.01, 25);
  Panel panel{.title = "Share of the variance that DDIM keeps (cosine schedule)",
              .x_label = "variance of the mode",
              .y_label = "generated / data",
              .log_x = true,
              .y_range = PlotRange{0.0, 1.05}};
  double largest_excess = -1.0;
  double formula_error = 0.0;
  for (const Index steps : {5, 10, 50}) {
    const CosineSchedule schedule{.steps = steps};
    const NoiseLevels levels = schedule.levels();
    Sampler<Linear, CosineSchedule> sampler{Linear{}, schedule};
    sampler.fit(diagonal_gaussian(lambdas));
    const Vector<double> measured = affine_map_of(sampler).covariance().diagonal().cwiseQuotient(lambdas);
    Vector<double> predicted(lambdas.size());
    Vector<double> bound(lambdas.size());
    for (Index mode = 0; mode < lambdas.size(); ++mode) {
      predicted(mode) = ddim_variance(lambdas(mode), levels) / lambdas(mode);
      const double angle = std::atan(levels.sigma_T() / std::sqrt(lambdas(mode)));
      // The exact flow from the same sigma_T keeps (1 + sigma_T^2) / (lambda + sigma_T^2).
      const double exact =
          (1.0 + levels.sigma_T() * levels.sigma_T()) / (lambdas(mode) + levels.sigma_T() * levels.sigma_T());
      bound(mode) = exact * std::pow(std::cos(angle / real(steps)), 2.0 * real(steps));
    }
    formula_error = std::max(formula_error, relative_difference(measured, predicted));
    largest_excess = std::max(largest_excess, (measured - bound).maxCoeff());
    add_prediction(panel, detail::concat("predicted, N = ", steps), lambdas, predicted, measured);
    panel.series.push_back(series_of(steps == 5 ? "bound cos^2N" : "", lambdas, bound, SeriesStyle::dashed_lines));
    panel.series.back().colour = "#888888";
    if (steps == 10) {
      const Index one = 12;  // lambda = 1
      certificate.equal("10 cosine steps keep of variance 1", predicted(one), measured(one), 1e-10);
    }
  }
  certificate.zero("measured against the product over all steps (relative)", formula_error, 1e-10);
  certificate.at_most("largest excess over the bound cos^2N(Theta / N)", 0.0, largest_excess, 1e-12);

  // Equality on equal angles, for the lambda that they are made for.
  double equality = 0.0;
  for (const double lambda : {100.0, 1.0, 0.01})
    for (const Index steps : {5, 10, 50}) {
      const double angle = std::numbers::pi / 2.0 - 1e-3;
      std::vector<double> sigmas;
      for (Index i = 0; i <= steps; ++i)
        sigmas.push_back(std::sqrt(lambda) * std::tan(angle * real(steps - i) / real(steps)));
      Sampler<Linear, CustomSchedule> sampler{Linear{}, CustomSchedule::from_sigmas(sigmas)};
      sampler.fit(diagonal_gaussian(Vector<double>::Constant(1, lambda)));
      const double exact = (1.0 + sigmas[0] * sigmas[0]) * lambda / (lambda + sigmas[0] * sigmas[0]);
      const double bound = std::pow(std::cos(angle / real(steps)), 2.0 * real(steps));
      equality = std::max(equality, std::abs(affine_map_of(sampler).covariance()(0, 0) / (exact * bound) - 1.0));
    }
  certificate.zero("equal angles sigma_i = sqrt(lambda) tan(phi_i) reach the bound (relative)", equality, 1e-10);
  certificate.panels.push_back(panel);
  return certificate;
}

Certificate heun_adds_variance() {
  Certificate certificate;
  const Vector<double> lambdas = logarithmic(100.0, 0.01, 25);
  Panel panel{.title = "Share of the variance that Heun's method keeps (EDM schedule)",
              .x_label = "variance of the mode",
              .y_label = "generated / data",
              .log_x = true};
  double formula_error = 0.0;
  for (const Index steps : {10, 18, 50}) {
    const KarrasSchedule schedule{.steps = steps};
    Sampler<Linear, KarrasSchedule, Heun> sampler{Linear{}, schedule, Heun{}};
    sampler.fit(diagonal_gaussian(lambdas));
    const Vector<double> measured = affine_map_of(sampler).covariance().diagonal().cwiseQuotient(lambdas);
    Vector<double> predicted(lambdas.size());
    for (Index mode = 0; mode < lambdas.size(); ++mode)
      predicted(mode) = heun_variance(lambdas(mode), schedule.levels()) / lambdas(mode);
    formula_error = std::max(formula_error, relative_difference(measured, predicted));
    constexpr Index one = 12;  // lambda = 1
    certificate.equal(detail::concat(steps, " steps make of variance 1"), predicted(one), measured(one), 1e-10);
    certificate.at_least(detail::concat(steps, " steps make of any variance up to 1"), 1.0 + 0.1 / real(steps),
                         measured.tail(lambdas.size() - one).minCoeff());
    add_prediction(panel, detail::concat("predicted, N = ", steps), lambdas, predicted, measured);
  }
  certificate.zero("measured against the product over all steps (relative)", formula_error, 1e-9);
  certificate.panels.push_back(panel);
  return certificate;
}

Certificate refitting_contracts() {
  Certificate certificate;
  const Vector<double> lambdas{{10.0, 1.0, 0.1, 0.03}};
  const Index d = lambdas.size();
  // White noise without sampling error: the samples then have exactly the variances that the sampler generates.
  const Batch<double> noise =
      match_moments(normal_batch<double>(d, 64, Seed{8}), Vector<double>(Vector<double>::Zero(d)),
                    Matrix<double>(Matrix<double>::Identity(d, d)), Vector<double>(Vector<double>::Ones(d)));
  constexpr Index generations = 5;
  for (const Index steps : {10, 50}) {
    const CosineSchedule schedule{.steps = steps};
    Panel panel{.title = detail::concat("Refitting on samples, N = ", steps),
                .x_label = "generation",
                .y_label = "variance / data",
                .log_y = true};
    Batch<double> x = lambdas.cwiseSqrt().asDiagonal() * noise;
    Matrix<double> measured(d, generations + 1);
    Matrix<double> predicted(d, generations + 1);
    predicted.col(0) = lambdas;
    measured.col(0) = moments_by_definition(x).variances;
    for (Index g = 1; g <= generations; ++g) {
      Sampler<Linear, CosineSchedule> sampler{Linear{}, schedule};
      sampler.fit(x);
      x = sampler.sample_from(noise, TakeEveryStep{});
      measured.col(g) = moments_by_definition(x).variances;
      for (Index mode = 0; mode < d; ++mode)
        predicted(mode, g) = ddim_variance(predicted(mode, g - 1), schedule.levels());
    }
    const Matrix<double> ratio = measured.cwiseQuotient(predicted);
    certificate.zero(detail::concat("N = ", steps, ": variances of 5 generations against the recursion (relative)"),
                     (ratio.array() - 1.0).abs().maxCoeff(), 1e-8);
    for (const Index mode : {1, 2})
      certificate.equal(detail::concat("N = ", steps, ": left of variance ", lambdas(mode), " after 5 generations"),
                        predicted(mode, generations) / lambdas(mode), measured(mode, generations) / lambdas(mode),
                        1e-8);
    const Vector<double> generation = equally_spaced(0.0, real(generations), generations + 1);
    for (Index mode = 0; mode < d; ++mode)
      add_prediction(panel, detail::concat("predicted, variance ", lambdas(mode)), generation,
                     predicted.row(mode).transpose() / lambdas(mode), measured.row(mode).transpose() / lambdas(mode));
    certificate.panels.push_back(panel);
  }
  return certificate;
}

Certificate without_bias_second_moments() {
  Certificate certificate;
  const Batch<double> x = skewed_samples(Vector<double>{{1.5, 1.0, 0.6}}, 300, Seed{9});
  const Moments data = moments_by_definition(x);
  const Matrix<double> second_moments = x * x.transpose() / real(x.cols());
  const CosineSchedule schedule{.steps = 4000, .train_steps = 4000};
  Sampler<Linear, CosineSchedule> without{Linear{.bias = false}, schedule};
  without.fit(x);
  Sampler<Linear, CosineSchedule> with{Linear{.bias = true}, schedule};
  with.fit(x);
  const AffineSampler generated = affine_map_of(without);
  const AffineSampler generated_with = affine_map_of(with);
  certificate.zero("no bias: mean of the samples", generated.offset.norm(), 1e-12);
  certificate.at_least("mean of the data", 1.0, data.mean.norm());
  certificate.zero("no bias: covariance of the samples against E[x x^T] (relative)",
                   relative_difference(generated.covariance(), second_moments), 5e-3);
  certificate.at_least("E[x x^T] against the covariance of the data (relative)", 0.1,
                       relative_difference(second_moments, data.covariance));
  certificate.zero("bias: covariance of the samples against that of the data (relative)",
                   relative_difference(generated_with.covariance(), data.covariance), 5e-3);
  certificate.zero("bias: mean of the samples against that of the data",
                   (generated_with.offset - data.mean).norm() / data.mean.norm(), 5e-3);
  certificate.panels.push_back({.title = "With a bias and without",
                                .x_label = "x_1",
                                .y_label = "x_2",
                                .series = {scatter("samples, no bias", without.sample(500, Seed{10})),
                                           scatter("data", x), scatter("samples, bias", with.sample(500, Seed{10}))},
                                .equal_aspect = true});
  return certificate;
}

Certificate rank_needs_a_clean_end() {
  Certificate certificate;
  constexpr Index d = 10;
  constexpr Index rank = 3;
  const Batch<double> x = skewed_samples(logarithmic(2.0, 0.5, d), 200, Seed{11});
  const CosineSchedule schedule{.steps = 10};
  const NoiseLevels levels = schedule.levels();
  Sampler<RankK, CosineSchedule> sampler{RankK{.rank = rank}, schedule};
  sampler.fit(x);
  // Samples as functions of x_T, before every step and at the end.
  Batch<double> starts = Batch<double>::Zero(d, d + 1);
  starts.rightCols(d).setIdentity();
  Vector<double> sigma(levels.steps());
  Vector<double> measured(levels.steps());
  Vector<double> predicted(levels.steps());
  const Batch<double> ends = sampler.sample_from(starts, [&](const auto& step) {
    const Batch<double> y = step.y / step.level.signal;
    sigma(step.step) = step.level.sigma();
    measured(step.step) = singular_values(Matrix<double>(y.rightCols(d).colwise() - y.col(0)))(rank);
    // Outside the K modes y / signal shrinks with sigma, whatever the steps.
    predicted(step.step) = std::sqrt(1.0 + levels.sigma_T() * levels.sigma_T()) * step.level.sigma() / levels.sigma_T();
  });
  const double at_end = singular_values(Matrix<double>(ends.rightCols(d).colwise() - ends.col(0)))(rank);
  certificate.zero("standard deviation outside the K modes, at all noise levels (relative to the prediction)",
                   relative_difference(measured, predicted), 1e-10);
  certificate.at_least("stopped at the last noise level it is", 0.9 * levels.last_sigma(), measured.minCoeff());
  certificate.zero("after the step to sigma = 0 it is", at_end, 1e-12);
  certificate.panels.push_back(
      {.title = detail::concat("Outside the K = 3 modes; after the last step: ", at_end),
       .x_label = "sigma where sampling stops",
       .y_label = "standard deviation",
       .series = {series_of("predicted: proportional to sigma", sigma, predicted, SeriesStyle::lines),
                  series_of("measured", sigma, measured, SeriesStyle::points)},
       .log_x = true,
       .log_y = true});
  return certificate;
}

}  // namespace certificates
