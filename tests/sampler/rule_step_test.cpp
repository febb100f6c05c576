#include "diffarch/sampler/rule_step.hpp"

#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/edm_stochastic.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::TestedBackend;

/// A rule that counts its steps: each trajectory has a state of its own.
struct CountingRule {
  template <Denoiser M>
  struct State {
    Index steps = 0;
  };
  std::vector<Index>* seen = nullptr;
  [[nodiscard]] std::string name() const { return "counting"; }
  [[nodiscard]] double stochasticity() const { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const { return 0.0; }
  template <Denoiser M>
  void advance(const M& /*model*/, State<M>& state, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel /*level*/,
               NoiseLevel next) const {
    seen->push_back(state.steps++);
    y = x0_hat;
    scale<M>(y, next.signal);
  }
};
static_assert(SamplerRule<CountingRule> && !PredictableRule<CountingRule>);

struct RaisesTheSignal : Ddim {
  [[nodiscard]] NoiseLevel raised(NoiseLevel level, Index /*steps*/) const { return {0.5 * level.signal, level.noise}; }
};

TEST_CASE("A state lives as long as one trajectory of a batch", "[sampler]") {
  const Batch<double> data = test::correlated_samples(4, 10, 1);
  std::vector<Index> seen;
  DiffusionSampler<Polynomial<2, RandomFeatures<ExactAverage>>, KarrasSchedule, TestedBackend, CountingRule, double>
      sampler({{.width = 6}}, KarrasSchedule{.steps = 3}, CountingRule{&seen});
  sampler.set_batch_size(2);
  (void)sampler.fit(data).sample(4, Seed{1}, [](const auto& /*step*/) {});
  REQUIRE(seen == std::vector<Index>{0, 1, 2, 0, 1, 2});
  seen.clear();
  (void)sampler.sample(4, Seed{1});  // in the span: the last prediction is the sample, without a step
  REQUIRE(seen == std::vector<Index>{0, 1, 0, 1});
}

TEST_CASE("Rules with a memory or with noise before the call give the same samples in the span as in full",
          "[sampler]") {
  const Batch<double> data = test::correlated_samples(4, 30, 1);
  const auto check = [&](const auto& rule) {
    CAPTURE(rule.name());
    using Rule = std::remove_cvref_t<decltype(rule)>;
    DiffusionSampler<Polynomial<2, RandomFeatures<ExactAverage>>, KarrasSchedule, TestedBackend, Rule, double> sampler(
        {{.width = 6}}, KarrasSchedule{.steps = 5, .sigma_max = 3.0}, rule);
    sampler.fit(data);
    const Batch<double> full = sampler.sample(5, Seed{1}, [](const auto& /*step*/) {});
    REQUIRE(test::relative_difference(sampler.sample(5, Seed{1}), full) < 1e-8);
  };
  check(DpmSolver2M{});
  check(DpmSolver2M{.eta = 1.0});
  check(EdmStochastic{.churn = 2.0});
}

TEST_CASE("A rule that raises a level to another signal is refused", "[sampler]") {
  const Batch<double> data = test::correlated_samples(4, 30, 1);
  DiffusionSampler<Polynomial<2, RandomFeatures<ExactAverage>>, KarrasSchedule, Cpu, RaisesTheSignal, double> sampler(
      {{.width = 6}}, KarrasSchedule{.steps = 5});
  sampler.fit(data);
  REQUIRE_THROWS_WITH(sampler.sample(1, Seed{1}), Catch::Matchers::Contains("expected the same signal"));
}

}  // namespace
}  // namespace diffarch
