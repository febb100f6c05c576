#include "diffarch/sampler/mode_responses.hpp"

#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/collapsed.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::TestedBackend;

/// DDIM that says that it is linear, and not what it does to a mode.
struct LinearDdim {
  static constexpr bool is_linear = true;
  Ddim rule = {};
  [[nodiscard]] std::string name() const { return "linear DDIM"; }
  [[nodiscard]] double stochasticity() const { return rule.stochasticity(); }
  [[nodiscard]] double noise_scale(NoiseLevel level, NoiseLevel next) const { return rule.noise_scale(level, next); }
  template <Denoiser M>
  void advance(const M& model, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level, NoiseLevel next) const {
    rule.advance(model, y, x0_hat, level, next);
  }
};
static_assert(PredictableRule<LinearDdim> && !SpectralRule<LinearDdim>);

TEST_CASE("Steps taken on each mode give the gains and variances of the closed form", "[sampler]") {
  const Batch<double> data = test::correlated_samples(5, 40, 1);
  const KarrasSchedule schedule{.steps = 7};
  const auto model = fit(RankK{.rank = 4}, data, schedule);
  for (const double eta : {0.0, 0.6}) {
    const auto expected = predicted_distribution(model, schedule, Ddim{.eta = eta});
    const auto found = predicted_distribution(model, schedule, LinearDdim{{.eta = eta}});
    REQUIRE(test::relative_difference(found.finite_steps.mode_variance, expected.finite_steps.mode_variance) < 1e-12);
    REQUIRE(test::relative_difference(found.finite_steps.mean, expected.finite_steps.mean) < 1e-12);
    REQUIRE(found.continuous_limit.mode_variance == expected.continuous_limit.mode_variance);
  }
  REQUIRE(test::relative_difference(trajectory_gains(LinearDdim{}, model.eigenvalues(), schedule.levels()),
                                    trajectory_gains(Ddim{}, model.eigenvalues(), schedule.levels())) < 1e-13);
}

TEST_CASE("A rule with a memory is collapsed to the samples that its steps give", "[sampler]") {
  const Batch<double> data = test::correlated_samples(5, 40, 1);
  DiffusionSampler<RankK, KarrasSchedule, TestedBackend, DpmSolver2M, double> sampler(RankK{.rank = 4},
                                                                                      KarrasSchedule{.steps = 9});
  sampler.fit(data);
  Index steps = 0;
  const Batch<double> by_steps = sampler.sample(6, Seed{2}, [&](const auto& /*step*/) { ++steps; });
  REQUIRE(steps == 9);
  REQUIRE(test::relative_difference(sampler.sample(6, Seed{2}), by_steps) < 1e-12);
  sampler.set_batch_size(4);  // each batch has a state of its own
  REQUIRE(test::bitwise_equal(sampler.sample(6, Seed{2}, [](const auto& /*step*/) {}), by_steps));
}

TEST_CASE("Samples of a stochastic rule with a memory have the variances that are predicted", "[sampler]") {
  const Batch<double> data = test::correlated_samples(3, 40, 1);
  DiffusionSampler<RankK, KarrasSchedule, Cpu, DpmSolver2M, double> sampler(
      RankK{.rank = 3}, KarrasSchedule{.steps = 6}, DpmSolver2M{.eta = 1.0});
  sampler.fit(data);
  constexpr Index n = 40000;
  const Batch<double> samples = sampler.sample(n, Seed{4});
  const auto predicted = predicted_distribution(sampler.model(), sampler.schedule(), sampler.rule()).finite_steps;
  const Matrix<double> coordinates = sampler.model().basis().transpose() * (samples.colwise() - predicted.mean);
  for (Index mode = 0; mode < 3; ++mode) {
    CAPTURE(mode);
    // The variance of n normal numbers scatters by sqrt(2 / n) of itself: 4.5 of these, false alarm 2e-5 for all three.
    REQUIRE(coordinates.row(mode).squaredNorm() / n ==
            Approx(predicted.mode_variance(mode)).epsilon(4.5 * std::sqrt(2.0 / n)));
  }
}

}  // namespace
}  // namespace diffarch
