#include "diffarch/schedule/karras.hpp"

#include <limits>

#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/linear_beta.hpp"
#include "diffarch/schedule/spectrum_optimal.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("The Karras schedule is an arithmetic progression in sigma^(1/rho), then zero", "[schedule]") {
  const KarrasSchedule schedule;  // the defaults of EDM: 18 steps, 0.002 to 80, rho = 7
  const NoiseLevels levels = schedule.levels();
  REQUIRE(levels.steps() == 18);
  REQUIRE(levels.sigma_T() == 80.0);
  REQUIRE(levels[18] == NoiseLevel{1.0, 0.0});
  const auto root = [](double sigma) { return std::pow(static_cast<long double>(sigma), 1.0L / 7.0L); };
  const long double step = (root(80.0) - root(0.002)) / 17.0L;
  for (Index i = 0; i < 18; ++i) {
    REQUIRE(levels[i].signal == 1.0);
    const long double expected = std::pow(root(80.0) - static_cast<long double>(i) * step, 7.0L);
    // The seventh power multiplies the relative error of its base, itself a few roundings of numbers up to 1.9.
    REQUIRE(levels[i].sigma() == Approx(static_cast<double>(expected)).epsilon(1e-13).margin(0.0));
  }
}

TEST_CASE("One Karras step goes from sigma_max to zero, and rho = 1 spaces sigmas equally", "[schedule]") {
  REQUIRE(KarrasSchedule{.steps = 1}.levels().sigmas() == std::vector<double>{80.0, 0.0});
  const auto sigmas = KarrasSchedule{.steps = 3, .sigma_min = 1.0, .sigma_max = 3.0, .rho = 1.0}.levels().sigmas();
  REQUIRE(sigmas == std::vector<double>{3.0, 2.0, 1.0, 0.0});
}

TEST_CASE("More steps than the memory holds are refused before any is made", "[schedule]") {
  constexpr Index steps = Index{1} << 60;
  REQUIRE_THAT(test::message_of<OutOfMemory>([] { return KarrasSchedule{.steps = steps}.levels(); }),
               ContainsSubstring("KarrasSchedule: the noise levels"));
  REQUIRE_THROWS_AS((CosineSchedule{.steps = 10, .train_steps = steps}.levels()), OutOfMemory);
  REQUIRE_THROWS_AS((OffsetFreeCosineSchedule{.steps = 10, .train_steps = steps}.levels()), OutOfMemory);
  REQUIRE_THROWS_AS((LinearBetaSchedule{.steps = 10, .train_steps = steps}.levels()), OutOfMemory);
  REQUIRE_THROWS_AS(SpectrumOptimalSchedule(Vector<double>::Ones(2), steps), OutOfMemory);
}

TEST_CASE("Karras parameters outside their range are refused", "[schedule]") {
  const auto refusal = [](const KarrasSchedule& schedule) {
    return test::message_of<InvalidArgument>([&] { return schedule.levels(); });
  };
  REQUIRE(refusal({.steps = 0}) == "KarrasSchedule: steps = 0, expected at least 1");
  REQUIRE(refusal({.sigma_min = 0.0}) ==
          "KarrasSchedule: sigma_min = 0 and sigma_max = 80, expected 0 < sigma_min < sigma_max");
  REQUIRE_THAT(refusal({.sigma_min = 90.0}), ContainsSubstring("sigma_min = 90"));
  REQUIRE_THAT(refusal({.sigma_max = std::numeric_limits<double>::infinity()}), ContainsSubstring("sigma_max = inf"));
  REQUIRE_THAT(refusal({.sigma_max = std::nan("")}), ContainsSubstring("sigma_max = nan"));
  REQUIRE(refusal({.rho = 0.0}) == "KarrasSchedule: rho = 0, expected a finite rho > 0");
  REQUIRE_THAT(refusal({.rho = std::nan("")}), ContainsSubstring("rho = nan"));
}

}  // namespace
}  // namespace diffarch
