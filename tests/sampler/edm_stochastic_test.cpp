#include "diffarch/sampler/edm_stochastic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/spectrum_w2.hpp"
#include "sampler/rules_on_two_points.hpp"

namespace diffarch {
namespace {

TEST_CASE("The stochastic sampler of EDM takes the steps of the paper's algorithm", "[sampler]") {
  test::check_course(EdmStochastic{.churn = 3.0, .lowest = 0.5, .highest = 6.0}, test::rules::edm_stochastic);
}

template <class A, class Rule>
Batch<double> samples_of(const A& architecture, const Rule& rule, const Batch<double>& data, Index n) {
  DiffusionSampler<A, KarrasSchedule, Cpu, Rule, double> sampler(architecture, KarrasSchedule{.steps = 8}, rule);
  return sampler.fit(data).sample(n, Seed{3});
}

TEST_CASE("Without churn it is Heun's method, bitwise; with churn the noise is fresh at every step", "[sampler]") {
  const Batch<double> data = test::correlated_samples(5, 30, 1);
  const Batch<double> heun = samples_of(Ideal{}, Heun{}, data, 6);
  REQUIRE(test::bitwise_equal(samples_of(Ideal{}, EdmStochastic{.churn = 0.0}, data, 6), heun));
  const Batch<double> churned = samples_of(Ideal{}, EdmStochastic{}, data, 6);
  REQUIRE_FALSE(test::bitwise_equal(churned, heun));
  REQUIRE(test::bitwise_equal(churned, samples_of(Ideal{}, EdmStochastic{}, data, 6)));
  // Sample i is the same in any number of samples.
  REQUIRE(test::bitwise_equal(Batch<double>(churned.leftCols(2)), samples_of(Ideal{}, EdmStochastic{}, data, 2)));
}

TEST_CASE("Churn adds the noise that it says, between its two levels only", "[sampler]") {
  const EdmStochastic rule{.churn = 4.0, .lowest = 0.5, .highest = 5.0};
  REQUIRE(rule.raised(NoiseLevel::from_sigma(2.0), 20).sigma() == Approx(2.4));
  REQUIRE(rule.raised(NoiseLevel::from_sigma(2.0), 2).sigma() == Approx(2.0 * std::sqrt(2.0)));
  REQUIRE(rule.raised(NoiseLevel::from_sigma(0.4), 20) == NoiseLevel::from_sigma(0.4));
  REQUIRE(rule.raised(NoiseLevel::from_sigma(6.0), 20) == NoiseLevel::from_sigma(6.0));
  REQUIRE_THROWS_AS((EdmStochastic{.churn = -1.0}.raised(NoiseLevel::from_sigma(1.0), 5)), InvalidArgument);
}

/// Algorithm 2 of the paper on one eigenmode, in z = y / signal and sigma: what is left of a deviation of 1, and the
/// variance of the samples.
struct PaperMode {
  long double gain = 1.0L;
  long double variance = 0.0L;
};

PaperMode mode_by_the_paper(long double lambda, const std::vector<double>& sigmas, long double churn, double lowest,
                            double highest) {
  const auto steps = static_cast<long double>(sigmas.size() - 1);
  PaperMode mode{1.0L, 1.0L + static_cast<long double>(sigmas[0]) * sigmas[0]};
  for (std::size_t k = 0; k + 1 < sigmas.size(); ++k) {
    const long double t = sigmas[k];
    const long double next = sigmas[k + 1];
    const bool is_raised = sigmas[k] >= lowest && sigmas[k] <= highest;
    const long double t_hat = is_raised ? t * (1.0L + std::min(churn / steps, std::sqrt(2.0L) - 1.0L)) : t;
    const auto slope = [&](long double z, long double sigma) {
      return (z - lambda / (lambda + sigma * sigma) * z) / sigma;
    };
    const long double first = slope(1.0L, t_hat);
    long double z = 1.0L + (next - t_hat) * first;
    if (next > 0.0L)
      z = 1.0L + (next - t_hat) * 0.5L * (first + slope(z, next));
    else
      z = lambda / (lambda + t_hat * t_hat);  // the same, without its cancellation
    mode.gain *= z;
    mode.variance = z * z * (mode.variance + t_hat * t_hat - t * t);
  }
  return mode;
}

/// The rule without its gains: that its steps are linear is all it says.
struct LinearEdm {
  static constexpr bool is_linear = true;
  EdmStochastic rule = {};
  [[nodiscard]] std::string name() const { return "linear EDM"; }
  [[nodiscard]] double stochasticity() const { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const { return 0.0; }
  [[nodiscard]] NoiseLevel raised(NoiseLevel level, Index steps) const { return rule.raised(level, steps); }
  template <Denoiser M>
  void advance(const M& model, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level, NoiseLevel next) const {
    rule.advance(model, y, x0_hat, level, next);
  }
};
static_assert(PredictableRule<LinearEdm> && !SpectralRule<LinearEdm>);

TEST_CASE("What churn leaves of each mode is predicted as the paper's algorithm takes its steps", "[sampler]") {
  const Vector<double> lambdas{{100.0, 2.0, 1.0, 0.3, 1e-6, 0.0}};
  const auto check = [&](const auto& schedule, const EdmStochastic& rule) {
    CAPTURE(schedule.name(), rule.churn, rule.lowest, rule.highest);
    const NoiseLevels levels = schedule.levels();
    const double signal = levels[0].signal;
    const detail::ModeOutcome found = detail::mode_outcome(rule, lambdas, levels);
    const detail::ModeOutcome by_steps = detail::mode_outcome(LinearEdm{rule}, lambdas, levels);
    REQUIRE(found.has_fresh_noise == (rule.churn > 0.0));
    for (Index mode = 0; mode < lambdas.size(); ++mode) {
      CAPTURE(lambdas(mode));
      const PaperMode expected =
          mode_by_the_paper(lambdas(mode), levels.sigmas(), rule.churn, rule.lowest, rule.highest);
      // z = y / signal; each of the steps rounds a few times.
      const double gain = static_cast<double>(expected.gain) / signal;
      REQUIRE(found.gains(mode) == Approx(gain).epsilon(1e-12).margin(0.0));
      REQUIRE(found.variance(mode) == Approx(static_cast<double>(expected.variance)).epsilon(1e-12).margin(0.0));
      REQUIRE(by_steps.gains(mode) == Approx(gain).epsilon(1e-11).margin(0.0));
      REQUIRE(by_steps.variance(mode) == Approx(static_cast<double>(expected.variance)).epsilon(1e-11).margin(0.0));
    }
  };
  for (const double churn : {0.0, 0.5, 2.0, 40.0}) {
    check(KarrasSchedule{.steps = 8}, EdmStochastic{.churn = churn});
    check(KarrasSchedule{.steps = 1}, EdmStochastic{.churn = churn});
    check(OffsetFreeCosineSchedule{.steps = 9}, EdmStochastic{.churn = churn});
  }
  check(KarrasSchedule{.steps = 12}, EdmStochastic{.churn = 3.0, .lowest = 0.05, .highest = 50.0});
}

TEST_CASE("Samples with churn have the mean and the variances that are predicted", "[sampler]") {
  const Batch<double> data = (test::correlated_samples(3, 400, 5).array() + 2.0).matrix();
  const auto check = [&](const EdmStochastic& rule) {
    DiffusionSampler<RankK, KarrasSchedule, Cpu, EdmStochastic, double> sampler(
        RankK{.rank = 3}, KarrasSchedule{.steps = 8, .sigma_max = 5.0}, rule);
    constexpr Index n = 200000;
    const Batch<double> samples = sampler.fit(data).sample(n, Seed{3});
    const auto predicted = predicted_distribution(sampler.model(), sampler.schedule(), rule).finite_steps;
    const Matrix<double> coordinates = sampler.model().basis().transpose() * (samples.colwise() - predicted.mean);
    for (Index mode = 0; mode < 3; ++mode) {
      CAPTURE(rule.churn, mode);
      const double variance = predicted.mode_variance(mode);
      // Of n normal numbers the mean scatters by sqrt(variance / n), the variance by sqrt(2 / n) of itself.
      REQUIRE(std::abs(coordinates.row(mode).mean()) < 5.0 * std::sqrt(variance / n));
      REQUIRE(coordinates.row(mode).squaredNorm() / n == Approx(variance).epsilon(5.0 * std::sqrt(2.0 / n)));
      // The noise matters: by Heun's steps alone the variance would be told apart.
      const double of_heun =
          predicted_distribution(sampler.model(), sampler.schedule(), Heun{}).finite_steps.mode_variance(mode);
      REQUIRE(std::abs(of_heun / variance - 1.0) > 10.0 * std::sqrt(2.0 / n));
    }
  };
  check(EdmStochastic{.churn = 2.0});
  check(EdmStochastic{.churn = 40.0, .lowest = 0.05, .highest = 3.0});
}

TEST_CASE("W2 of a spectrum takes churn in, and churn 0 is Heun; what is out of range is said", "[sampler]") {
  const Vector<double> lambdas{{2.0, 0.3, 0.01}};
  const NoiseLevels levels = KarrasSchedule{.steps = 10}.levels();
  REQUIRE(spectrum_w2(EdmStochastic{.churn = 0.0}, lambdas, levels) == spectrum_w2(Heun{}, lambdas, levels));
  double squared = 0.0;
  for (Index mode = 0; mode < 3; ++mode) {
    const long double variance =
        mode_by_the_paper(lambdas(mode), levels.sigmas(), 2.0L, 0.0, std::numeric_limits<double>::infinity()).variance;
    squared += std::pow(std::sqrt(static_cast<double>(variance)) - std::sqrt(lambdas(mode)), 2.0);
  }
  REQUIRE(spectrum_w2(EdmStochastic{.churn = 2.0}, lambdas, levels) == Approx(std::sqrt(squared)).epsilon(1e-12));
  REQUIRE(test::message_of<InvalidArgument>([&] {
            return spectrum_w2(EdmStochastic{.churn = -1.0}, lambdas, levels);
          }) == "EdmStochastic: churn = -1, lowest = 0, highest = inf, expected churn >= 0 and 0 <= lowest <= highest");
  const NoiseLevels from_pure_noise({{0.0, 1.0}, {0.6, 0.8}, {}});
  REQUIRE(test::message_of<InvalidArgument>([&] { return spectrum_w2(EdmStochastic{}, lambdas, from_pure_noise); }) ==
          "Heun: sampling starts from pure noise (alpha_bar = 0); expected a finite sigma_T");
}

}  // namespace
}  // namespace diffarch
