#include "diffarch/sampler/collapsed.hpp"

#include <limits>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
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
using test::message_of;
using test::relative_difference;

/// Largest difference of the two ways to sample, relative to the largest sample. An observer forces the stepwise way.
template <class A, class S, class Rule>
double collapsed_against_stepwise(const A& architecture, const S& schedule, const Rule& rule,
                                  const Batch<double>& data) {
  DiffusionSampler<A, S, test::TestedBackend, Rule, double> sampler{architecture, schedule, rule};
  sampler.fit(data);
  Index steps = 0;
  const Batch<double> stepwise = sampler.sample(6, Seed{3}, [&](const auto&) { ++steps; });
  REQUIRE(steps == schedule.levels().steps());
  REQUIRE(stepwise.allFinite());
  return relative_difference(sampler.sample(6, Seed{3}), stepwise);
}

TEST_CASE("Collapsed and stepwise DDIM agree to 1e-12 whatever the steps, for n < d and d < n", "[sampler]") {
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{60, 20}, {12, 100}}) {
    const Batch<double> data = correlated_samples(d, n, 1);
    for (const Index steps : {10, 50, 1000}) {
      INFO(d << " x " << n << ", " << steps << " steps");
      REQUIRE(collapsed_against_stepwise(Linear{}, CosineSchedule{.steps = steps}, Ddim{}, data) < 1e-12);
    }
    REQUIRE(collapsed_against_stepwise(Linear{.bias = false}, CosineSchedule{.steps = 10}, Ddim{}, data) < 1e-12);
    REQUIRE(collapsed_against_stepwise(RankK{.rank = 5}, CosineSchedule{.steps = 10}, Ddim{}, data) < 1e-12);
    const auto pure_noise = CustomSchedule::from_alpha_bars({0.0, 0.05, 0.3, 0.7, 0.95, 1.0});
    REQUIRE(collapsed_against_stepwise(Linear{}, pure_noise, Ddim{}, data) < 1e-12);
  }
}

TEST_CASE("Collapsed and stepwise Heun agree to 1e-12", "[sampler]") {
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{60, 20}, {12, 100}}) {
    const Batch<double> data = correlated_samples(d, n, 2);
    for (const Index steps : {10, 18, 200})
      REQUIRE(collapsed_against_stepwise(Linear{}, KarrasSchedule{.steps = steps}, Heun{}, data) < 1e-12);
    REQUIRE(collapsed_against_stepwise(RankK{.rank = 5}, OffsetFreeCosineSchedule{.steps = 50}, Heun{}, data) < 1e-12);
  }
}

TEST_CASE("The gains of DDIM on equal angles are powers of a cosine", "[sampler]") {
  // sigma_i = sqrt(lambda) tan(phi_i): a step multiplies by cos(dphi) cos(phi) / cos(phi'), a telescoping product.
  const double lambda = 2.5;
  for (const Index steps : {1, 10, 300}) {
    std::vector<double> sigmas;
    for (Index i = 0; i <= steps; ++i)
      sigmas.push_back(std::sqrt(lambda) * std::tan(1.5 * test::real(steps - i) / test::real(steps)));
    const Vector<double> gains =
        trajectory_gains(Ddim{}, Vector<double>::Constant(1, lambda), CustomSchedule::from_sigmas(sigmas).levels());
    const double expected = std::pow(std::cos(1.5 / test::real(steps)), test::real(steps)) * std::cos(1.5);
    REQUIRE(gains(0) == Approx(expected).epsilon(1e-13));  // a few roundings per step, up to 300 of them
  }
}

TEST_CASE("The collapsed sampler has the gains of the VE formula in long double", "[sampler]") {
  const NoiseLevels levels = CosineSchedule{.steps = 50}.levels();
  const Vector<double> eigenvalues{{100.0, 1.0, 0.03, 1e-6}};
  const Vector<double> gains = trajectory_gains(Ddim{}, eigenvalues, levels);
  const std::vector<double> sigmas = levels.sigmas();
  for (Index mode = 0; mode < 4; ++mode) {
    long double expected = 1.0L;
    for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
      const long double sigma = sigmas[i];
      expected *= (eigenvalues(mode) + sigma * sigmas[i + 1]) / (eigenvalues(mode) + sigma * sigma);
    }
    REQUIRE(levels[0].signal * gains(mode) == Approx(static_cast<double>(expected)).epsilon(1e-12));
  }
}

TEST_CASE("A mode of no variance collapses to the mean", "[sampler]") {
  const Vector<double> gains = trajectory_gains(Ddim{}, Vector<double>::Zero(1), CosineSchedule{.steps = 10}.levels());
  REQUIRE(gains(0) == 0.0);
}

TEST_CASE("A collapsed sample that is not finite is reported", "[sampler]") {
  const auto model = test::diagonal_model(Vector<double>::Ones(2));
  const NoiseLevels levels = CosineSchedule{.steps = 10}.levels();
  const auto noise = test::upload(Batch<double>::Constant(2, 1, std::numeric_limits<double>::max()));
  REQUIRE_THAT(message_of<NumericalError>(
                   [&] { return test::run_collapsed(model, levels, Vector<double>::Constant(2, 10.0), noise); }),
               ContainsSubstring("the sample is not finite at step 10 of 10"));
}

}  // namespace
}  // namespace diffarch
