#include "diffarch/sampler/variance_exact_ddim.hpp"

#include <vector>

#include "diffarch/analysis/gaussian_agreement.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "sampler/gaussian_models.hpp"
#include "sampler/run_steps.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::correlated_samples;
using test::diagonal_model;
using test::random_matrix;
using test::relative_difference;
using test::run_steps_on;

const Vector<double> variance_exact_lambdas{{100.0, 10.0, 1.0, 0.1, 0.03, 0.01}};

/// VP and VE levels, from one step to many, from pure noise too.
const std::vector<NoiseLevels> variance_exact_levels = {CosineSchedule{.steps = 1}.levels(),
                                                        CosineSchedule{.steps = 2}.levels(),
                                                        CosineSchedule{.steps = 10}.levels(),
                                                        OffsetFreeCosineSchedule{.steps = 50}.levels(),
                                                        KarrasSchedule{.steps = 1}.levels(),
                                                        KarrasSchedule{}.levels(),
                                                        CustomSchedule::from_alpha_bars({0.0, 0.1, 0.9, 1.0}).levels()};

CustomSchedule schedule_of(const NoiseLevels& levels) {
  return CustomSchedule(std::vector<NoiseLevel>(levels.begin(), levels.end()));
}

TEST_CASE("Variance-exact DDIM multiplies a mode by the gain of the exact flow: DDIM's over the cosine of its angle",
          "[sampler]") {
  for (const NoiseLevels& levels : variance_exact_levels)
    for (Index i = 0; i < levels.steps(); ++i)
      for (const double lambda : {1e-4, 1.0, 30.0}) {
        const double exact = VarianceExactDdim{}.mode_gain(lambda, levels[i], levels[i + 1]);
        const double angle = std::atan2(levels[i].noise, levels[i].signal * std::sqrt(lambda));
        const double next = std::atan2(levels[i + 1].noise, levels[i + 1].signal * std::sqrt(lambda));
        // One step of 2e4 to 0 has a cosine of 5e-5 for lambda = 1, whose relative error is 4e-12.
        REQUIRE(exact * std::cos(angle - next) ==
                Approx(Ddim{}.mode_gain(lambda, levels[i], levels[i + 1])).epsilon(1e-9));
        if (std::isinf(levels[i].sigma())) continue;
        const double sigma = levels[i].sigma();
        const double next_sigma = levels[i + 1].sigma();
        REQUIRE(exact * levels[i].signal / levels[i + 1].signal ==
                Approx(std::sqrt((lambda + next_sigma * next_sigma) / (lambda + sigma * sigma))).epsilon(1e-13));
      }
}

TEST_CASE("No variance in a mode: it only loses its noise", "[sampler]") {
  const NoiseLevel level = NoiseLevel::from_alpha_bar(0.3);
  const NoiseLevel next = NoiseLevel::from_alpha_bar(0.8);
  REQUIRE(VarianceExactDdim{}.mode_gain(0.0, level, next) == Approx(next.noise / level.noise).epsilon(1e-15));
  REQUIRE(VarianceExactDdim{}.mode_gain(0.0, level, NoiseLevel{}) == 0.0);
}

TEST_CASE("Variance-exact DDIM generates the limit of many steps in any number of them", "[sampler]") {
  const Vector<double> mean = random_matrix(8, 1, 1);
  const auto model = diagonal_model<double>(mean, variance_exact_lambdas);  // six modes in eight dimensions
  for (const NoiseLevels& levels : variance_exact_levels) {
    const auto [finite, limit] = predicted_distribution(model, schedule_of(levels), VarianceExactDdim{});
    for (Index mode = 0; mode < 6; ++mode) {
      REQUIRE(finite.mode_variance(mode) == Approx(limit.mode_variance(mode)).epsilon(1e-12));
      // In closed form: lambda times (1 + sigma_T^2) / (lambda + sigma_T^2).
      const double lambda = variance_exact_lambdas(mode);
      const double s = levels[0].signal * levels[0].signal;
      const double n = levels[0].noise * levels[0].noise;
      REQUIRE(finite.mode_variance(mode) == Approx(lambda * (s + n) / (lambda * s + n)).epsilon(1e-12));
      REQUIRE(finite.mean_offset(mode) == Approx(limit.mean_offset(mode)).epsilon(1e-12).margin(1e-15));
    }
    REQUIRE(relative_difference(finite.mean, limit.mean) < 1e-12);
    // DDIM itself does not: the test can tell.
    const auto ddim = predicted_distribution(model, schedule_of(levels)).finite_steps;
    REQUIRE(ddim.mode_variance(0) < 0.99 * limit.mode_variance(0));
  }
}

TEST_CASE("Many DDIM steps tend to what variance-exact DDIM does in one", "[sampler]") {
  const auto model = diagonal_model<double>(random_matrix(6, 1, 2), variance_exact_lambdas);
  const Batch<double> noise = random_matrix(6, 5, 3);
  const auto after = [&](const auto& rule, const NoiseLevels& levels) {
    return run_steps_on(model, levels, rule, noise, Seed{}, 0, std::nullopt);
  };
  const Batch<double> one = after(VarianceExactDdim{}, KarrasSchedule{.steps = 1, .sigma_max = 50.0}.levels());
  const auto distance = [&](Index steps) {
    const auto levels = KarrasSchedule{.steps = steps, .sigma_min = 1e-4, .sigma_max = 50.0}.levels();
    return relative_difference(after(Ddim{}, levels), one);
  };
  const double at_500 = distance(500);
  REQUIRE(at_500 < 0.05);
  REQUIRE(distance(2000) == Approx(at_500 / 4.0).epsilon(0.1));  // of first order in 1 / N
}

TEMPLATE_TEST_CASE("Step by step, variance-exact DDIM ends where the product of its gains does", "[sampler]", float,
                   double) {
  // A float carries a few 1e-7 of the largest y on its way: sigma_T = 80 in VE coordinates, 1 in VP.
  const double tolerance = std::is_same_v<TestType, double> ? 1e-12 : 1e-4;
  const Vector<double> mean = random_matrix(9, 1, 4);
  const auto model = diagonal_model<TestType>(mean, variance_exact_lambdas);
  const Batch<TestType> noise = random_matrix<TestType>(9, 7, 5);
  for (const NoiseLevels& levels : variance_exact_levels) {
    const auto gains = trajectory_gains(VarianceExactDdim{}, model.eigenvalues(), levels);
    const Batch<TestType> collapsed = test::download(test::run_collapsed(model, levels, gains, test::upload(noise)));
    const Batch<TestType> stepped = run_steps_on(model, levels, VarianceExactDdim{}, noise, Seed{}, 0, std::nullopt);
    REQUIRE(relative_difference(stepped, collapsed) < tolerance);
    // Outside the modes only the mean is left.
    for (Index row = 6; row < 9; ++row)
      REQUIRE((stepped.row(row).template cast<double>().array() - mean(row)).abs().maxCoeff() < tolerance);
  }
}

template <class A>
void check_fitted_sampler(const A& architecture) {
  const Batch<double> data = correlated_samples(12, 40, 6);
  for (const NoiseLevels& levels : variance_exact_levels) {
    DiffusionSampler<A, CustomSchedule, test::TestedBackend, VarianceExactDdim, double> sampler{architecture,
                                                                                                schedule_of(levels)};
    sampler.fit(data);
    const Batch<double> collapsed = sampler.sample(5, Seed{7});
    Index seen = 0;
    Batch<double> last_prediction;
    const auto observer = [&](const SamplerStep<test::Storage<double>>& step) {
      seen += 1;
      last_prediction = test::download(step.x0_hat);
    };
    const Batch<double> observed = sampler.sample(5, Seed{7}, observer);
    REQUIRE(seen == levels.steps());
    REQUIRE(relative_difference(observed, collapsed) < 1e-12);
    // The sample is the last prediction with more variance, not the prediction: by sigma^2 / (2 lambda) of a mode, and
    // 0.002 is the least of the last sigmas.
    REQUIRE(relative_difference(observed, last_prediction) > 1e-7);
  }
}

TEST_CASE("An observer of variance-exact DDIM sees every step and the samples are the same", "[sampler]") {
  check_fitted_sampler(Linear{});
  check_fitted_sampler(Linear{.bias = false});
  check_fitted_sampler(RankK{.rank = 3});
}

TEST_CASE("Samples of variance-exact DDIM have the variances of the data in three steps, and the test can tell",
          "[sampler]") {
  const Vector<double> mean = random_matrix(9, 1, 8);
  const auto model = diagonal_model<double>(mean, variance_exact_lambdas);
  const CosineSchedule schedule{.steps = 3};
  const Batch<double> noise = normal_batch<double>(9, 4000, Seed{5});
  const auto samples_of = [&](const auto& rule) {
    return run_steps_on(model, schedule.levels(), rule, noise, Seed{5}, 0, std::nullopt);
  };
  // N(mean, Sigma) itself: sigma_T = 2e4 is off by sqrt(lambda) / sigma_T < 1e-3, a hundredth of a standard error.
  const auto right =
      gaussian_agreement(samples_of(VarianceExactDdim{}), mean, test::download(model.basis()), variance_exact_lambdas);
  // Each is a standard normal score: |z| > 4.9 has probability 1e-6.
  REQUIRE(right.tested_modes.size() == 6);
  REQUIRE(std::abs(right.mean_z) < 4.9);
  REQUIRE(std::abs(right.variance_z) < 4.9);
  REQUIRE(right.worst_mode_p_value > 1e-6);
  const auto wrong =
      gaussian_agreement(samples_of(Ddim{}), mean, test::download(model.basis()), variance_exact_lambdas);
  REQUIRE(wrong.worst_mode_p_value < 1e-6);
}

TEST_CASE("The name of variance-exact DDIM, and that it adds no noise", "[sampler]") {
  REQUIRE(VarianceExactDdim{}.name() == "variance-exact DDIM");
  REQUIRE(VarianceExactDdim{}.stochasticity() == 0.0);
  REQUIRE(VarianceExactDdim{}.noise_scale(NoiseLevel::from_sigma(2.0), NoiseLevel::from_sigma(1.0)) == 0.0);
}

}  // namespace
}  // namespace diffarch
