#include "diffarch/schedule/trailing_levels.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

/// Table of T + 1 levels whose alpha_bar tells the index: (T - t) / T.
std::vector<double> table(Index train_steps) {
  std::vector<double> alpha_bar;
  for (Index t = 0; t <= train_steps; ++t) alpha_bar.push_back(test::real(train_steps - t) / test::real(train_steps));
  return alpha_bar;
}

std::vector<Index> picked(Index train_steps, Index steps) {
  std::vector<Index> indices;
  for (const NoiseLevel& level : detail::trailing_levels(table(train_steps), steps, "test"))
    indices.push_back(train_steps - static_cast<Index>(std::lround(level.alpha_bar() * test::real(train_steps))));
  return indices;
}

TEST_CASE("Trailing spacing starts at T, ends at 0 and rounds half up in between", "[schedule]") {
  REQUIRE(picked(10, 3) == std::vector<Index>{10, 7, 3, 0});  // 6.67 and 3.33
  REQUIRE(picked(5, 2) == std::vector<Index>{5, 3, 0});       // 2.5
  REQUIRE(picked(4, 4) == std::vector<Index>{4, 3, 2, 1, 0});
  REQUIRE(picked(10, 1) == std::vector<Index>{10, 0});
}

TEST_CASE("Trailing spacing needs 1 to T steps", "[schedule]") {
  for (const Index steps : {0, -1, 11})
    REQUIRE(test::message_of<InvalidArgument>([&] { return detail::trailing_levels(table(10), steps, "test"); }) ==
            detail::concat("test: steps = ", steps, ", expected 1 <= steps <= 10 (train_steps)"));
}

}  // namespace
}  // namespace diffarch
