#include "diffarch/sampler/ancestral.hpp"

#include "diffarch/sampler/ddim.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/linear_beta.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

const std::vector<NoiseLevels> schedules = {CosineSchedule{.steps = 20}.levels(), KarrasSchedule{}.levels(),
                                            LinearBetaSchedule{.steps = 1000}.levels()};

TEST_CASE("The ancestral step is the Gaussian posterior of the next level given y and x0", "[sampler]") {
  for (const NoiseLevels& levels : schedules)
    for (Index i = 0; i + 1 < levels.steps(); ++i) {
      // Given x0: y' ~ N(s' x0, n'^2), y = (s / s') y' + independent noise. Condition y' on y, in long double.
      const long double s = levels[i].signal;
      const long double n = levels[i].noise;
      const long double next_s = levels[i + 1].signal;
      const long double next_n = levels[i + 1].noise;
      const long double covariance = next_n * next_n * s / next_s;
      const long double slope = covariance / (n * n);
      const auto weights = Ancestral{}.weights(levels[i], levels[i + 1]);
      // Relative to the largest weight; 1 - r^2 = (1 - r)(1 + r) with r a few roundings off, near 1 for fine schedules.
      REQUIRE(weights.y == Approx(static_cast<double>(slope)).epsilon(1e-13));
      REQUIRE(weights.x0 == Approx(static_cast<double>(next_s - slope * s)).epsilon(1e-13).margin(2e-15));
      REQUIRE(Ancestral{}.noise_scale(levels[i], levels[i + 1]) ==
              Approx(static_cast<double>(std::sqrt(next_n * next_n - covariance * slope))).epsilon(1e-12));
    }
}

TEST_CASE("The ancestral step with the posterior variance is DDIM with eta = 1", "[sampler]") {
  for (const NoiseLevels& levels : schedules)
    for (Index i = 0; i < levels.steps(); ++i) {
      const auto ancestral = Ancestral{}.weights(levels[i], levels[i + 1]);
      const auto ddim = Ddim{.eta = 1.0}.weights(levels[i], levels[i + 1]);
      // DDIM takes its weight of y as sqrt(noise'^2 - s^2), which cancels where most noise is fresh.
      REQUIRE(ddim.y == Approx(ancestral.y).epsilon(1e-10).margin(1e-12));
      REQUIRE(ddim.x0 == Approx(ancestral.x0).epsilon(1e-10).margin(1e-12));
      REQUIRE(Ddim{.eta = 1.0}.noise_scale(levels[i], levels[i + 1]) ==
              Approx(Ancestral{}.noise_scale(levels[i], levels[i + 1])).epsilon(1e-12).margin(0.0));
    }
}

TEST_CASE("The larger ancestral variance is beta of Ho, Jain and Abbeel", "[sampler]") {
  const Ancestral rule{.variance = Ancestral::Variance::beta};
  const LinearBetaSchedule schedule{.steps = 1000};
  const NoiseLevels levels = schedule.levels();
  for (const Index t : {2, 10, 500, 1000}) {
    const double beta = 1e-4 + (0.02 - 1e-4) * test::real(t - 1) / 999.0;
    // 1 - alpha_bar / alpha_bar' loses eps / beta = 2e-12 for the smallest beta.
    REQUIRE(rule.noise_scale(levels[1000 - t], levels[1001 - t]) == Approx(std::sqrt(beta)).epsilon(1e-11));
  }
  REQUIRE(rule.noise_scale(levels[999], levels[1000]) == 0.0);
}

TEST_CASE("The last ancestral step and a step from pure noise are finite and exact", "[sampler]") {
  for (const auto variance : {Ancestral::Variance::posterior, Ancestral::Variance::beta}) {
    const Ancestral rule{.variance = variance};
    const auto last = rule.weights(NoiseLevel::from_alpha_bar(0.97), NoiseLevel{});
    REQUIRE(last.y == 0.0);
    REQUIRE(last.x0 == 1.0);
    REQUIRE(rule.noise_scale(NoiseLevel::from_alpha_bar(0.97), NoiseLevel{}) == 0.0);
    const NoiseLevel next = NoiseLevel::from_alpha_bar(0.1);
    const auto first = rule.weights(NoiseLevel::from_alpha_bar(0.0), next);
    REQUIRE(first.y == 0.0);
    REQUIRE(first.x0 == next.signal);
    const double expected = variance == Ancestral::Variance::posterior ? next.noise : next.scale();
    REQUIRE(rule.noise_scale(NoiseLevel::from_alpha_bar(0.0), next) == Approx(expected).epsilon(1e-15));
  }
}

TEST_CASE("Ancestral rules are named after their variance and tend to the SDE", "[sampler]") {
  REQUIRE(Ancestral{}.name() == "Ancestral");
  REQUIRE(Ancestral{.variance = Ancestral::Variance::beta}.name() == "Ancestral (variance beta)");
  REQUIRE(Ancestral{}.stochasticity() == 1.0);
}

}  // namespace
}  // namespace diffarch
