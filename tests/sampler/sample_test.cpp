#include "diffarch/sampler/sample.hpp"

#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/escape_log.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::TestedBackend;

TEST_CASE("Samples of a model are bitwise those of a DiffusionSampler with it", "[sampler]") {
  const Batch<double> data = test::correlated_samples(5, 30, 1);
  const KarrasSchedule schedule{.steps = 6};
  const auto check = [&](const auto& rule) {
    using Rule = std::remove_cvref_t<decltype(rule)>;
    DiffusionSampler<RankK, KarrasSchedule, TestedBackend, Rule, double> sampler(RankK{.rank = 3}, schedule, rule);
    sampler.fit(data);
    REQUIRE(bitwise_equal(sample(sampler.model(), schedule, 4, Seed{2}, rule), sampler.sample(4, Seed{2})));
    const Batch<double> noise = test::random_matrix(5, 3, 4);
    REQUIRE(bitwise_equal(sample_from(sampler.model(), schedule, noise, rule), sampler.sample_from(noise)));
  };
  check(Ddim{});
  check(Heun{});
  check(DpmSolver2M{});
  const auto model = fit(RankK{.rank = 3}, data, schedule, TestedBackend{});
  REQUIRE(bitwise_equal(sample(model, schedule, 4, Seed{2}), sample(model, schedule, 4, Seed{2}, Ddim{})));
}

TEST_CASE("A function is sampled like any model, and what is wrong is said", "[sampler]") {
  const auto wiener = make_denoiser<double>(
      2, [](const Batch<double>& y, NoiseLevel level) -> Batch<double> { return y * wiener_gain(4.0, level); });
  const KarrasSchedule schedule{.steps = 200};
  const Batch<double> samples = sample(wiener, schedule, 3000, Seed{1}, Heun{});
  // 6000 normal numbers: their mean square scatters by sqrt(2 / 6000) = 0.018 of itself.
  REQUIRE(samples.squaredNorm() / 6000.0 == Approx(4.0).epsilon(4.5 * 0.0183));
  EscapeLog log(1e-6);
  (void)sample(wiener, schedule, 2, Seed{1}, Ddim{}, log);
  REQUIRE(log.escapes().size() == 2);
  REQUIRE_THROWS_AS(sample(wiener, schedule, 0, Seed{1}), InvalidArgument);
  const auto wrong = make_denoiser<double>(
      2, [](const Batch<double>& y, NoiseLevel /*level*/) -> Batch<double> { return y.topRows(1); });
  REQUIRE_THROWS_AS(sample(wrong, schedule, 1, Seed{1}), DimensionMismatch);
}

}  // namespace
}  // namespace diffarch
