// Code of .github/docs/your_own_rule.md: check_code_blocks.py compares the two.

#include <cmath>

#include "diffarch/analysis/bures.hpp"
#include "diffarch/analysis/likelihood.hpp"
#include "diffarch/analysis/noisy_samples.hpp"
#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/denoiser/gaussian/conditioned_gaussian.hpp"
#include "diffarch/denoiser/posterior/posterior_weights.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/exact_flow.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/part.hpp"
#include "diffarch/schedule/spectrum_optimal.hpp"
#include "support.hpp"

namespace user {

using namespace diffarch;

/// z' = z + (sigma' - sigma) ((1 + r / 2) d - (r / 2) d_before), z = y / signal, d = (z - x0_hat) / sigma, r the ratio
/// of this step to the one before.
struct TwoStep {
  static constexpr bool is_linear = true;

  template <Denoiser M>
  struct State {
    StorageOf<M> d_before;
    double step_before = 0.0;
  };

  std::string name() const { return "two steps"; }
  double stochasticity() const { return 0.0; }
  double noise_scale(NoiseLevel, NoiseLevel) const { return 0.0; }

  template <Denoiser M>
  void advance(const M&, State<M>& state, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level,
               NoiseLevel next) const {
    const double step = next.sigma() - level.sigma();
    const double r = state.step_before == 0.0 || next.is_clean() ? 0.0 : step / state.step_before;
    StorageOf<M> d = y;  // (z - x0_hat) / sigma
    scale<M>(d, 1.0 / level.noise);
    add_scaled<M>(d, x0_hat, -1.0 / level.sigma());
    scale<M>(y, next.signal / level.signal);
    add_scaled<M>(y, d, next.signal * step * (1.0 + 0.5 * r));
    if (r > 0.0) add_scaled<M>(y, state.d_before, -next.signal * step * 0.5 * r);
    state = {std::move(d), step};
  }
};

}  // namespace user

namespace {

using namespace diffarch;

TEST_CASE("Your own rule and a function as the model", "[documentation]") {
  const Batch<float> faces = test::correlated_samples(6, 200, 1).cast<float>();

  auto model = make_denoiser<float>(2, [](const Batch<float>& y, NoiseLevel level) -> Batch<float> {
    const auto gain = static_cast<float>(wiener_gain(4.0, level));  // data of variance 4
    return gain * y;
  });
  Batch<float> samples = sample(model, KarrasSchedule{.steps = 50}, 1000, Seed{7}, user::TwoStep{});

  REQUIRE(samples.squaredNorm() / 2000.0F == Approx(4.0).epsilon(4.5 * std::sqrt(2.0 / 2000.0)));

  DiffusionSampler sampler{RankK{.rank = 3}, KarrasSchedule{.steps = 50}, user::TwoStep{}};
  sampler.fit(faces);
  auto error = [&](Index steps) {
    auto predicted = predicted_distribution(sampler.model(), KarrasSchedule{.steps = steps}, user::TwoStep{});
    return bures_distance_of_spectra(predicted.finite_steps.mode_variance, predicted.continuous_limit.mode_variance);
  };
  double order = std::log2(error(100) / error(200));  // of convergence

  REQUIRE(order == Approx(2.0).margin(0.3));
  REQUIRE(test::relative_difference(sampler.sample(5, Seed{1}),
                                    sampler.sample(5, Seed{1}, [](const auto& /*step*/) {})) < 1e-4);

  SpectrumOptimalSchedule best(sampler.model().eigenvalues(), 12, user::TwoStep{}, 80.0);
  double w2_best = best.w2();
  double w2_karras = spectrum_w2(user::TwoStep{}, sampler.model().eigenvalues(), KarrasSchedule{.steps = 12}.levels());

  REQUIRE(w2_best < 0.5 * w2_karras);

  KarrasSchedule schedule{.steps = 50};
  auto noisy = sample(sampler.model(), part(schedule, 0, 20), 16, Seed{7}, Heun{});
  auto stitched = continue_from(sampler.model(), part(schedule, 20, 50), noisy, Heun{});
  auto rest = from_sigma(schedule, 0.5);
  auto edited = continue_from(sampler.model(), rest, noisy_samples(faces, rest.levels()[0], Seed{8}));

  REQUIRE(test::relative_difference(stitched, sample(sampler.model(), schedule, 16, Seed{7}, Heun{})) < 1e-5);
  // Near the faces: noise of 0.5 was added, and most of it taken away.
  REQUIRE((edited - faces).squaredNorm() < 6.0F * 200.0F);

  auto exact = exact_flow(sampler.model(), noisy, schedule.levels()[20], schedule.levels()[40]);
  auto solved = continue_from(sampler.model(), part(schedule, 20, 40), noisy, user::TwoStep{});
  Matrix<float> weights = posterior_weights(faces, noisy, schedule.levels()[20]);  // (training samples, 16)
  LogLikelihood likelihood = log_likelihood(sampler.model(), schedule.levels(), faces);

  REQUIRE(test::relative_difference(solved, exact) < 0.05);
  REQUIRE((weights.colwise().sum().array() - 1.0F).abs().maxCoeff() < 1e-5F);
  REQUIRE(likelihood.log_density.size() == 200);
  REQUIRE(likelihood.log_density.allFinite());

  Vector<double> seen{{0.5, -0.2}};  // of the first two values
  auto inpainted = conditioned(sampler.model(), ElementMeasurement{.elements = {0, 1}, .values = seen});
  Batch<float> completed = sample(inpainted, KarrasSchedule{.steps = 50}, 16, Seed{9}, Heun{});

  REQUIRE((completed.topRows(2).colwise() - seen.cast<float>()).cwiseAbs().maxCoeff() < 1e-3F);
}

}  // namespace
