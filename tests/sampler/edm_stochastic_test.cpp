#include "diffarch/sampler/edm_stochastic.hpp"

#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/karras.hpp"
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

TEST_CASE("Samples of a Gaussian have the variances that churn and Heun's gains give, mode by mode", "[sampler]") {
  const Batch<double> data = test::correlated_samples(3, 400, 5);
  const EdmStochastic rule{.churn = 2.0};
  DiffusionSampler<RankK, KarrasSchedule, Cpu, EdmStochastic, double> sampler(RankK{.rank = 3},
                                                                              KarrasSchedule{.steps = 8}, rule);
  constexpr Index n = 40000;
  const Batch<double> samples = sampler.fit(data).sample(n, Seed{3});
  const auto& model = sampler.model();
  const NoiseLevels& levels = sampler.levels();
  const Matrix<double> coordinates = model.basis().transpose() * (samples.colwise() - samples.rowwise().mean());
  for (Index mode = 0; mode < 3; ++mode) {
    double variance = levels[0].scale() * levels[0].scale();
    for (Index step = 0; step < levels.steps(); ++step) {
      const NoiseLevel raised = rule.raised(levels[step], levels.steps());
      const double gain = Heun{}.mode_gain(model.eigenvalues()(mode), raised, levels[step + 1]);
      variance = gain * gain * (variance + raised.noise * raised.noise - levels[step].noise * levels[step].noise);
    }
    CAPTURE(mode);
    // The variance of n normal numbers scatters by sqrt(2 / n) of itself: 4.5 of these, false alarm 2e-5 for all three.
    REQUIRE(coordinates.row(mode).squaredNorm() / n == Approx(variance).epsilon(4.5 * std::sqrt(2.0 / n)));
  }
}

}  // namespace
}  // namespace diffarch
