#include "diffarch/sampler/predicted_distribution.hpp"

#include <numbers>

#include "diffarch/analysis/gaussian_agreement.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/linear_beta.hpp"
#include "sampler/gaussian_models.hpp"
#include "sampler/run_steps.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::diagonal_model;
using test::random_matrix;
using test::real;
using test::relative_difference;
using test::run_steps_on;

const Vector<double> lambdas{{100.0, 10.0, 1.0, 0.1, 0.03, 0.01}};

template <class S, class Rule = Ddim>
Vector<double> variance_ratios(const S& schedule, const Rule& rule = {}) {
  const auto prediction = predicted_distribution(diagonal_model(lambdas), schedule, rule);
  return prediction.finite_steps.mode_variance.cwiseQuotient(lambdas);
}

/// Half a unit of the last of three published digits.
bool agrees(const Vector<double>& ratios, const Vector<double>& published) {
  return (ratios - published).cwiseAbs().maxCoeff() <= 0.5e-3;
}

TEST_CASE("Ten and fifty DDIM steps on the cosine schedule keep the published share of each mode's variance",
          "[sampler]") {
  REQUIRE(agrees(variance_ratios(CosineSchedule{.steps = 10}), Vector<double>{{.264, .649, .780, .636, .441, .239}}));
  REQUIRE(agrees(variance_ratios(CosineSchedule{.steps = 50}), Vector<double>{{.780, .918, .952, .914, .851, .746}}));
}

TEST_CASE("Heun on the EDM schedule gives more variance than the data have", "[sampler]") {
  // Published to two decimals.
  REQUIRE(variance_ratios(KarrasSchedule{.steps = 18}, Heun{})(2) == Approx(1.09).margin(0.005));
  REQUIRE(variance_ratios(KarrasSchedule{.steps = 10}, Heun{})(2) == Approx(1.38).margin(0.005));
}

TEST_CASE("Refitting on the samples contracts the variance as published", "[sampler]") {
  // Five generations of the finite-step variance: lambda = 1 and 0.1 after N = 10 and N = 50 steps.
  const auto after_five = [](double lambda, Index steps) {
    double variance = lambda;
    for (int generation = 0; generation < 5; ++generation)
      variance =
          predicted_distribution(diagonal_model(Vector<double>::Constant(1, variance)), CosineSchedule{.steps = steps})
              .finite_steps.mode_variance(0);
    return variance / lambda;
  };
  REQUIRE(after_five(1.0, 10) == Approx(.270).margin(0.5e-3));
  REQUIRE(after_five(0.1, 10) == Approx(.009).margin(0.5e-3));
  REQUIRE(after_five(1.0, 50) == Approx(.780).margin(0.5e-3));
  REQUIRE(after_five(0.1, 50) == Approx(.612).margin(0.5e-3));
}

TEST_CASE("DDIM keeps at most cos^2N of the angle, with equality on equal angles only", "[sampler]") {
  const auto bound = [](double lambda, double sigma_T, Index steps) {
    return std::pow(std::cos(std::atan(sigma_T / std::sqrt(lambda)) / real(steps)), 2.0 * real(steps));
  };
  for (const Index steps : {10, 50}) {
    const CosineSchedule cosine{.steps = steps};
    const auto prediction = predicted_distribution(diagonal_model(lambdas), cosine);
    for (Index mode = 0; mode < lambdas.size(); ++mode) {
      const double kept = prediction.finite_steps.mode_variance(mode) / prediction.continuous_limit.mode_variance(mode);
      REQUIRE(kept < bound(lambdas(mode), cosine.levels().sigma_T(), steps));
    }
    for (const double lambda : {100.0, 1.0, 0.01}) {
      const double angle = std::numbers::pi / 2.0 - 1e-3;
      std::vector<double> sigmas;
      for (Index i = 0; i <= steps; ++i)
        sigmas.push_back(std::sqrt(lambda) * std::tan(angle * real(steps - i) / real(steps)));
      const auto optimal = predicted_distribution(diagonal_model(Vector<double>::Constant(1, lambda)),
                                                  CustomSchedule::from_sigmas(sigmas));
      const double kept = optimal.finite_steps.mode_variance(0) / optimal.continuous_limit.mode_variance(0);
      REQUIRE(kept == Approx(bound(lambda, sigmas[0], steps)).epsilon(1e-11));  // tan near pi / 2: eps / 1e-3
    }
  }
}

TEST_CASE("The predicted mean is where the sampler takes zero noise", "[sampler]") {
  const Vector<double> mean = random_matrix(8, 1, 1);
  const Vector<double> eigenvalues{{3.0, 1.0, 0.2}};  // three modes in eight dimensions
  const auto model = diagonal_model<double>(mean, eigenvalues);
  const Batch<double> zero = Batch<double>::Zero(8, 1);
  for (const auto& schedule :
       {CustomSchedule({{0.1, 1.0}, {0.5, 0.8}, {1.0, 0.0}}), CustomSchedule::from_sigmas({5.0, 1.0, 0.3, 0.0})}) {
    const auto prediction = predicted_distribution(model, schedule).finite_steps;
    const Batch<double> sample = run_steps_on(model, schedule.levels(), Ddim{}, zero, Seed{}, 0, std::nullopt);
    REQUIRE(relative_difference(sample, prediction.mean) < 1e-14);
    REQUIRE(relative_difference(prediction.mean_offset, (prediction.mean - mean).head(3)) < 1e-13);
    REQUIRE((prediction.mean - mean).tail(5).norm() == 0.0);  // outside the modes nothing moves the mean
  }
}

TEST_CASE("The predicted mean of DDIM is mu - G mu in VE coordinates", "[sampler]") {
  const Vector<double> mean{{1.0, -2.0}};
  const Vector<double> eigenvalues{{3.0, 0.2}};
  const std::vector<double> sigmas = {5.0, 1.0, 0.3, 0.0};
  const auto prediction =
      predicted_distribution(diagonal_model<double>(mean, eigenvalues), CustomSchedule::from_sigmas(sigmas))
          .finite_steps;
  for (Index mode = 0; mode < 2; ++mode) {
    double gain = 1.0;
    for (std::size_t i = 0; i < 3; ++i)
      gain *= (eigenvalues(mode) + sigmas[i] * sigmas[i + 1]) / (eigenvalues(mode) + sigmas[i] * sigmas[i]);
    REQUIRE(prediction.mean(mode) == Approx(mean(mode) * (1.0 - gain)).epsilon(1e-13));
    REQUIRE(prediction.mode_variance(mode) == Approx((1.0 + 25.0) * gain * gain).epsilon(1e-13));
  }
}

/// Variance and gain of one mode along dz = (1 + eta^2) s z / (lambda + s^2) ds + eta sqrt(2 s) dW from sigma_T to 0,
/// by fourth-order Runge-Kutta in u = log(lambda + s^2): dv/du = (1 + eta^2) v - eta^2 e^u.
double integrated_variance(double lambda, double eta, double sigma_T) {
  const double end = std::log(lambda);
  const double start = std::log(lambda + sigma_T * sigma_T);
  const int steps = 20000;
  const double h = (end - start) / steps;
  const auto slope = [eta](double u, double v) { return (1.0 + eta * eta) * v - eta * eta * std::exp(u); };
  double v = 1.0 + sigma_T * sigma_T;
  for (int i = 0; i < steps; ++i) {
    const double u = start + h * i;
    const double k1 = slope(u, v);
    const double k2 = slope(u + h / 2, v + h / 2 * k1);
    const double k3 = slope(u + h / 2, v + h / 2 * k2);
    const double k4 = slope(u + h, v + h * k3);
    v += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return v;
}

TEST_CASE("The limit of many steps is the solution of the sampler's differential equation", "[sampler]") {
  const auto schedule = CustomSchedule::from_sigmas({20.0, 1.0, 0.0});  // the limit depends on sigma_T only
  for (const double eta : {0.0, 0.5, 1.0}) {
    const auto limit = predicted_distribution(diagonal_model(lambdas), schedule, Ddim{.eta = eta}).continuous_limit;
    for (Index mode = 0; mode < lambdas.size(); ++mode)
      // Error of the method h^4 = 1e-13, of rounding 20000 eps.
      REQUIRE(limit.mode_variance(mode) == Approx(integrated_variance(lambdas(mode), eta, 20.0)).epsilon(1e-10));
  }
}

template <class Rule>
void check_convergence(const Rule& rule) {
  // Distance of the finite-step variance from the limit: of order 1 / N, so that twice the steps halve it.
  const auto distance = [&](Index steps) {
    const auto prediction = predicted_distribution(diagonal_model(lambdas),
                                                   OffsetFreeCosineSchedule{.steps = steps, .train_steps = 4000}, rule);
    return Vector<double>(
        (prediction.finite_steps.mode_variance - prediction.continuous_limit.mode_variance).cwiseQuotient(lambdas));
  };
  const Vector<double> at_1000 = distance(1000);
  const Vector<double> at_2000 = distance(2000);
  REQUIRE(at_1000.cwiseAbs().maxCoeff() < 0.1);
  // Richardson: what halving leaves over is of the next order, (1 / N)^2 with the constant of the first.
  REQUIRE((2.0 * at_2000 - at_1000).cwiseAbs().maxCoeff() < 0.1 * at_1000.cwiseAbs().maxCoeff());
}

TEST_CASE("A thousand steps come near the limit, at the rate of one over the steps", "[sampler]") {
  check_convergence(Ddim{});
  check_convergence(Ddim{.eta = 0.5});
  check_convergence(Ancestral{});
  check_convergence(Ancestral{.variance = Ancestral::Variance::beta});
}

TEST_CASE("From pure noise the limit is the data distribution and nothing is NaN", "[sampler]") {
  const Vector<double> mean = random_matrix(6, 1, 2);
  const auto model = diagonal_model<double>(mean, lambdas);
  const auto schedule = CustomSchedule::from_alpha_bars({0.0, 0.1, 0.5, 0.9, 1.0});
  for (const double eta : {0.0, 0.5, 1.0}) {
    const auto prediction = predicted_distribution(model, schedule, Ddim{.eta = eta});
    REQUIRE(relative_difference(prediction.continuous_limit.mode_variance, lambdas) < 1e-15);
    REQUIRE(relative_difference(prediction.continuous_limit.mean, mean) < 1e-15);
    REQUIRE(prediction.finite_steps.mode_variance.allFinite());
    REQUIRE(prediction.finite_steps.mode_variance.minCoeff() > 0.0);
    REQUIRE(relative_difference(prediction.finite_steps.mean, mean) < 1e-15);
  }
}

TEST_CASE("A start that is too near the data costs the mean what is predicted", "[sampler]") {
  // One mode of deviation 1 and mean 3.02: sigma_T = 3.4 leaves 2.2 of the mean.
  constexpr double data_mean = 3.02;
  const auto model = diagonal_model<double>(Vector<double>::Constant(1, data_mean), Vector<double>::Ones(1));
  const LinearBetaSchedule schedule{.steps = 50, .train_steps = 250};
  constexpr Index n = 20000;
  const auto check = [&](const auto& rule) {
    const PredictedGaussian predicted = predicted_distribution(model, schedule, rule).finite_steps;
    const Batch<double> samples =
        run_steps_on(model, schedule.levels(), rule, normal_batch<double>(1, n, Seed{8}), Seed{8}, 0, std::nullopt);
    CHECK(std::abs(samples.mean() - predicted.mean(0)) < 4.0 * std::sqrt(predicted.mode_variance(0) / real(n)));
    return predicted.mean(0);
  };
  CHECK(check(Ddim{}) == Approx(2.18).margin(0.02));
  CHECK(check(Ddim{.eta = 0.5}) < 0.95 * data_mean);
  CHECK(check(Ancestral{}) < 0.95 * data_mean);
}

template <class Rule>
GaussianAgreement monte_carlo(const Rule& rule, const NoiseLevels& levels, const PredictedGaussian& predicted,
                              const GaussianDenoiser<test::TestedBackend, double>& model) {
  const Index n = 4000;
  const Batch<double> noise = normal_batch<double>(model.dimension(), n, Seed{5});
  const Batch<double> samples = run_steps_on(model, levels, rule, noise, Seed{5}, 0, std::nullopt);
  return gaussian_agreement(samples, predicted.mean, test::download(model.basis()), predicted.mode_variance);
}

TEST_CASE("Samples of every rule have the predicted mean and variance of each mode, and the test can tell",
          "[sampler]") {
  const Vector<double> mean = random_matrix(9, 1, 3);
  const auto model = diagonal_model<double>(mean, lambdas);  // six modes in nine dimensions
  const auto check = [&](const auto& rule, const auto& schedule) {
    const auto prediction = predicted_distribution(model, schedule, rule);
    const auto right = monte_carlo(rule, schedule.levels(), prediction.finite_steps, model);
    // Each is a standard normal score when the prediction is right: |z| > 4.9 has probability 1e-6.
    REQUIRE(std::abs(right.mean_z) < 4.9);
    REQUIRE(std::abs(right.variance_z) < 4.9);
    REQUIRE(right.worst_mode_p_value > 1e-6);
    // Power: the N -> infinity variances differ by 20 percent and more, ten standard errors of 4000 samples.
    const auto wrong = monte_carlo(rule, schedule.levels(), prediction.continuous_limit, model);
    REQUIRE(wrong.worst_mode_p_value < 1e-6);
  };
  check(Ddim{}, CosineSchedule{.steps = 10});
  check(Ddim{.eta = 0.5}, CosineSchedule{.steps = 10});
  check(Ancestral{}, CosineSchedule{.steps = 10});
  check(Ancestral{.variance = Ancestral::Variance::beta}, CosineSchedule{.steps = 10});
  check(Heun{}, KarrasSchedule{.steps = 8});
}

}  // namespace
}  // namespace diffarch
