#include "diffarch/schedule/cosine.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

constexpr long double half_pi = std::numbers::pi_v<long double> / 2.0L;

/// f(t) / f(0) of Nichol and Dhariwal in long double, no product and no clipping.
double closed_form_alpha_bar(long double t) {
  const auto f = [](long double u) { return std::pow(std::cos((u + 0.008L) / 1.008L * half_pi), 2.0L); };
  return static_cast<double>(f(t) / f(0.0L));
}

TEST_CASE("The cosine schedule has the alpha_bar of Nichol and Dhariwal, clipped at the last level only",
          "[schedule]") {
  const NoiseLevels levels = CosineSchedule{.steps = 1000}.levels();
  REQUIRE(levels.steps() == 1000);
  for (Index i = 1; i <= 1000; ++i) {
    const long double t = static_cast<long double>(1000 - i) / 1000.0L;
    // A product of up to 1000 factors; the cosine near pi / 2 loses eps / (angle to pi / 2) = 6e-13 once squared.
    REQUIRE(levels[i].alpha_bar() == Approx(closed_form_alpha_bar(t)).epsilon(2e-12));
  }
  // Unclipped, alpha_bar would be 0 at t = 1: beta is cut at 0.999.
  REQUIRE(levels[0].alpha_bar() == Approx(0.001 * closed_form_alpha_bar(0.999L)).epsilon(2e-12));
}

TEST_CASE("The offset-free cosine schedule is tan of equal angles", "[schedule]") {
  const NoiseLevels levels = OffsetFreeCosineSchedule{.steps = 1000}.levels();
  for (Index i = 0; i <= 1000; ++i) {
    const long double angle = half_pi / 1.008L * static_cast<long double>(1000 - i) / 1000.0L;
    // sigma = sqrt(1 - alpha_bar) / ... loses eps / sigma^2 where sigma is small, at least 1.5e-3: 1e-10.
    REQUIRE(levels[i].sigma() == Approx(static_cast<double>(std::tan(angle))).epsilon(1e-9).margin(0.0));
  }
}

TEST_CASE("sigma_T is 2.03e4 for the cosine schedule and 80.2 without the offset", "[schedule]") {
  // Half a unit of the last digit that the published numbers have.
  for (const Index steps : {10, 50, 1000}) {
    REQUIRE(CosineSchedule{.steps = steps}.levels().sigma_T() == Approx(2.03e4).margin(50.0));
    REQUIRE(OffsetFreeCosineSchedule{.steps = steps}.levels().sigma_T() == Approx(80.2).margin(0.05));
  }
}

TEST_CASE("A cosine schedule of N steps picks every T/N-th level of the table and ends clean", "[schedule]") {
  const NoiseLevels all = CosineSchedule{.steps = 1000}.levels();
  const NoiseLevels ten = CosineSchedule{.steps = 10}.levels();
  REQUIRE(ten.steps() == 10);
  for (Index i = 0; i <= 10; ++i) REQUIRE(ten[i] == all[100 * i]);
  REQUIRE(ten[10] == NoiseLevel{1.0, 0.0});
  REQUIRE(ten.last_sigma() == Approx(std::sqrt(1.0 / closed_form_alpha_bar(0.1L) - 1.0)).epsilon(1e-12));
}

TEMPLATE_TEST_CASE("Cosine parameters outside their range are refused", "[schedule]", CosineSchedule,
                   OffsetFreeCosineSchedule) {
  const auto refusal = [](const TestType& schedule) {
    return test::message_of<InvalidArgument>([&] { return schedule.levels(); });
  };
  const std::string name = TestType{}.name();
  REQUIRE(refusal({.steps = 0}) == name + ": steps = 0, expected 1 <= steps <= 1000 (train_steps)");
  REQUIRE_THAT(refusal({.steps = -3}), ContainsSubstring("steps = -3"));
  REQUIRE_THAT(refusal({.steps = 1001}), ContainsSubstring("expected 1 <= steps <= 1000"));
  REQUIRE(refusal({.train_steps = 0}) == name + ": train_steps = 0, expected at least 1");
  REQUIRE(refusal({.s = 0.0}) == name + ": s = 0, expected a finite s > 0");
  REQUIRE_THAT(refusal({.s = std::nan("")}), ContainsSubstring("s = nan"));
  REQUIRE(refusal({.max_beta = 1.0}) == name + ": max_beta = 1, expected 0 < max_beta < 1");
  REQUIRE_THAT(refusal({.max_beta = 0.0}), ContainsSubstring("max_beta = 0"));
}

}  // namespace
}  // namespace diffarch
