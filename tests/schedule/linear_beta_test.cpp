#include "diffarch/schedule/linear_beta.hpp"

#include <cmath>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("The linear-beta schedule multiplies 1 - beta with beta from 1e-4 to 0.02", "[schedule]") {
  const NoiseLevels levels = LinearBetaSchedule{.steps = 1000}.levels();
  REQUIRE(levels.steps() == 1000);
  REQUIRE(levels[1000] == NoiseLevel{1.0, 0.0});
  long double log_alpha_bar = 0.0L;
  for (Index t = 1; t <= 1000; ++t) {
    const long double beta = 1e-4L + (0.02L - 1e-4L) * static_cast<long double>(t - 1) / 999.0L;
    log_alpha_bar += std::log1p(-beta);
    // Up to 1000 factors, each rounded: 1000 eps = 2e-13 at worst, and sqrt(1 - alpha_bar) adds eps / beta.
    REQUIRE(levels[1000 - t].alpha_bar() ==
            Approx(static_cast<double>(std::exp(log_alpha_bar))).epsilon(1e-12).margin(0.0));
  }
}

TEST_CASE("sigma_T of the linear-beta schedule is 157", "[schedule]") {
  // Half a unit of the last digit; Ho et al. report alpha_bar_T = 4.0e-5.
  REQUIRE(LinearBetaSchedule{.steps = 10}.levels().sigma_T() == Approx(157.0).margin(0.5));
}

TEST_CASE("One training step has the last beta", "[schedule]") {
  const NoiseLevels levels = LinearBetaSchedule{.steps = 1, .train_steps = 1}.levels();
  REQUIRE(levels[0].alpha_bar() == Approx(0.98).epsilon(1e-15));
}

TEST_CASE("Linear-beta parameters outside their range are refused", "[schedule]") {
  const auto refusal = [](const LinearBetaSchedule& schedule) {
    return test::message_of<InvalidArgument>([&] { return schedule.levels(); });
  };
  REQUIRE(refusal({.steps = 0}) == "LinearBetaSchedule: steps = 0, expected 1 <= steps <= 1000 (train_steps)");
  REQUIRE_THAT(refusal({.train_steps = 0}), ContainsSubstring("train_steps = 0"));
  REQUIRE(refusal({.beta_first = 0.0}) ==
          "LinearBetaSchedule: beta_first = 0 and beta_last = 0.02, expected both in (0, 1)");
  REQUIRE_THAT(refusal({.beta_last = 1.0}), ContainsSubstring("beta_last = 1"));
  REQUIRE_THAT(refusal({.beta_last = std::nan("")}), ContainsSubstring("beta_last = nan"));
}

}  // namespace
}  // namespace diffarch
