#include "diffarch/sampler/sample.hpp"

#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/edm_stochastic.hpp"
#include "diffarch/sampler/escape_log.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/part.hpp"
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

TEST_CASE("A trajectory that is taken in two parts is the whole one, bitwise", "[sampler]") {
  const Batch<double> data = test::correlated_samples(5, 40, 1);
  const auto check = [&](const auto& schedule, const auto& rule) {
    CAPTURE(rule.name());
    const auto model = fit(Ideal{}, data, schedule, TestedBackend{});
    const Batch<double> whole = sample(model, schedule, 6, Seed{2}, rule);
    for (const Index cut : {1, 4, 8}) {
      const Batch<double> noisy = sample(model, part(schedule, 0, cut), 6, Seed{2}, rule);
      const auto rest = part(schedule, cut, 9);
      REQUIRE(test::bitwise_equal(continue_from(model, rest, noisy, rule, Seed{2}), whole));
    }
  };
  check(CosineSchedule{.steps = 9}, Ddim{});
  check(KarrasSchedule{.steps = 9}, Ddim{.eta = 0.7});
  check(KarrasSchedule{.steps = 9}, Heun{});
  check(KarrasSchedule{.steps = 9}, EdmStochastic{.churn = 2.0});
}

TEST_CASE("The linear family is continued in closed form, and stops noisy as its steps say", "[sampler]") {
  const Batch<double> data = test::correlated_samples(5, 40, 1);
  const KarrasSchedule schedule{.steps = 9};
  const auto model = fit(RankK{.rank = 3}, data, schedule, TestedBackend{});
  const Batch<double> whole = sample(model, schedule, 6, Seed{2});
  const Batch<double> noisy = sample(model, part(schedule, 0, 5), 6, Seed{2});
  Index steps = 0;
  const Batch<double> seen = sample(model, part(schedule, 0, 5), 6, Seed{2}, Ddim{}, [&](const auto&) { ++steps; });
  REQUIRE(steps == 5);
  REQUIRE(test::bitwise_equal(seen, noisy));
  // Outside of the three modes a noisy y is not yet zero: sigma_5 / sigma_T of the noise is left.
  REQUIRE(test::relative_difference(continue_from(model, part(schedule, 5, 9), noisy), whole) < 1e-12);
  REQUIRE(test::message_of<InvalidArgument>([&] { return predicted_distribution(model, part(schedule, 0, 5)); }) ==
          detail::concat("predicted_distribution: the levels stop at sigma = ", schedule.levels()[5].sigma(),
                         ", expected levels that end clean"));
  REQUIRE(test::message_of<DimensionMismatch>([&] {
            return continue_from(model, part(schedule, 5, 9), Batch<double>(Batch<double>::Ones(4, 2)));
          }) == "continue_from: y is (4, 2) but the model has dimension 5; expected (5, n) with n >= 1");
  REQUIRE(test::message_of<InvalidArgument>([&] {
            return continue_from(model, part(schedule, 5, 9), Batch<double>(std::nan("") * Batch<double>::Ones(5, 2)));
          }) == "continue_from: y holds a value that is not finite");
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
