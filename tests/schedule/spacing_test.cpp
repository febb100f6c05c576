#include "diffarch/schedule/spacing.hpp"

#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/linear_beta.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

/// Table of T + 1 levels whose alpha_bar tells the index: (T - t) / T.
std::vector<double> table(Index train_steps) {
  std::vector<double> alpha_bar;
  for (Index t = 0; t <= train_steps; ++t) alpha_bar.push_back(test::real(train_steps - t) / test::real(train_steps));
  return alpha_bar;
}

std::vector<Index> picked(Index train_steps, Index steps, Spacing spacing = Spacing::trailing) {
  std::vector<Index> indices;
  for (const NoiseLevel& level : detail::spaced_levels(table(train_steps), steps, spacing, "test"))
    indices.push_back(train_steps - static_cast<Index>(std::lround(level.alpha_bar() * test::real(train_steps))));
  return indices;
}

TEST_CASE("Trailing spacing starts at T, ends at 0 and rounds half up in between", "[schedule]") {
  REQUIRE(picked(10, 3) == std::vector<Index>{10, 7, 3, 0});  // 6.67 and 3.33
  REQUIRE(picked(5, 2) == std::vector<Index>{5, 3, 0});       // 2.5
  REQUIRE(picked(4, 4) == std::vector<Index>{4, 3, 2, 1, 0});
  REQUIRE(picked(10, 1) == std::vector<Index>{10, 0});
}

TEST_CASE("Ten of a thousand levels are those of the paper's table 2", "[schedule]") {
  // Lin et al. 2024; behind them the clean level.
  REQUIRE(picked(1000, 10, Spacing::leading) == std::vector<Index>{901, 801, 701, 601, 501, 401, 301, 201, 101, 1, 0});
  REQUIRE(picked(1000, 10, Spacing::linspace) ==
          std::vector<Index>{1000, 889, 778, 667, 556, 445, 334, 223, 112, 1, 0});
  REQUIRE(picked(1000, 10, Spacing::trailing) ==
          std::vector<Index>{1000, 900, 800, 700, 600, 500, 400, 300, 200, 100, 0});
}

TEST_CASE("Every spacing picks different levels for any number of steps, and all of them for T", "[schedule]") {
  for (const Spacing spacing : {Spacing::trailing, Spacing::leading, Spacing::linspace})
    for (Index steps = 1; steps <= 13; ++steps) {
      const std::vector<Index> indices = picked(13, steps, spacing);  // NoiseLevels throws where two are equal
      REQUIRE(std::ssize(indices) == steps + 1);
      if (steps == 13) REQUIRE(indices.front() == 13);
    }
  REQUIRE(picked(13, 1, Spacing::linspace) == std::vector<Index>{1, 0});
}

TEST_CASE("Schedules with a training table take a spacing", "[schedule]") {
  const NoiseLevels all = LinearBetaSchedule{.steps = 1000}.levels();
  const NoiseLevels leading = LinearBetaSchedule{.steps = 10, .spacing = Spacing::leading}.levels();
  REQUIRE(leading[0] == all[99]);  // t = 901
  REQUIRE(leading[9] == all[999]);
  REQUIRE(CosineSchedule{.steps = 10, .spacing = Spacing::linspace}.levels()[9] ==
          CosineSchedule{.steps = 1000}.levels()[999]);
  REQUIRE(OffsetFreeCosineSchedule{.steps = 10, .spacing = Spacing::leading}.levels()[9] ==
          OffsetFreeCosineSchedule{.steps = 1000}.levels()[999]);
}

TEST_CASE("Every spacing needs 1 to T steps", "[schedule]") {
  for (const Spacing spacing : {Spacing::trailing, Spacing::leading, Spacing::linspace})
    for (const Index steps : {0, -1, 11})
      REQUIRE(test::message_of<InvalidArgument>([&] {
                return detail::spaced_levels(table(10), steps, spacing, "test");
              }) == detail::concat("test: steps = ", steps, ", expected 1 <= steps <= 10 (train_steps)"));
}

}  // namespace
}  // namespace diffarch
