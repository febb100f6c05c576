#include "diffarch/core/noise_levels.hpp"

#include <limits>
#include <sstream>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;

std::string refusal(std::vector<NoiseLevel> levels) {
  return message_of<InvalidArgument>([&] { return NoiseLevels(levels); });
}

TEST_CASE("Noise levels list N + 1 levels for N steps", "[core]") {
  const NoiseLevels levels({{1.0, 4.0}, {0.5, 1.0}, {1.0, 0.5}, {1.0, 0.0}});
  REQUIRE(levels.steps() == 3);
  REQUIRE(levels.sigma_T() == 4.0);
  REQUIRE(levels.last_sigma() == 0.5);
  REQUIRE(levels.sigmas() == std::vector<double>{4.0, 2.0, 0.5, 0.0});
  REQUIRE(levels[1] == NoiseLevel{0.5, 1.0});
  REQUIRE(std::distance(levels.begin(), levels.end()) == 4);
  std::ostringstream text;
  text << levels;
  REQUIRE(text.str() == "3 steps, sigma_T = 4, last sigma = 0.5");
}

TEST_CASE("A part may stop noisy, and counts its steps as the whole does", "[core]") {
  const NoiseLevels levels({{1.0, 4.0}, {1.0, 2.0}, {1.0, 0.5}, {1.0, 0.0}});
  const NoiseLevels part = levels.part(1, 2);
  REQUIRE(part.sigmas() == std::vector<double>{2.0, 0.5});
  REQUIRE(part.steps() == 1);
  REQUIRE(part.noisy_levels() == 2);
  REQUIRE(part.last_sigma() == 0.5);
  REQUIRE_FALSE(part.ends_clean());
  REQUIRE(part.first_step() == 1);
  REQUIRE(part.whole_steps() == 3);
  REQUIRE(levels.noisy_levels() == 3);
  REQUIRE(levels.part(0, 3) == levels);
  REQUIRE(levels.part(1, 3).part(1, 2).first_step() == 2);
  REQUIRE(message_of<InvalidArgument>([&] { return levels.part(2, 1); }) ==
          "NoiseLevels: a part from level 2 to 1 of 3 steps; expected 0 <= first < last <= 3");
}

TEST_CASE("The first level alone may be pure noise", "[core]") {
  const NoiseLevels levels({{0.0, 1.0}, {0.6, 0.8}, {1.0, 0.0}});
  REQUIRE(levels.sigma_T() == std::numeric_limits<double>::infinity());
  REQUIRE(
      refusal({{0.1, 1.0}, {0.0, 1.0}, {1.0, 0.0}}) ==
      "NoiseLevels: level 1 has signal 0 and noise 1; expected finite, not negative, and signal > 0 after the first "
      "level");
  REQUIRE_THAT(refusal({{0.0, 0.0}, {1.0, 0.0}}), ContainsSubstring("level 0 has signal 0 and noise 0"));
}

TEST_CASE("Zero steps are refused", "[core]") {
  REQUIRE(refusal({}) ==
          "NoiseLevels: zero steps; expected at least one noisy level and the clean one, got 0 level(s)");
  REQUIRE_THAT(refusal({{1.0, 0.0}}), ContainsSubstring("zero steps"));
}

TEST_CASE("Levels that do not decrease are refused and the place is named", "[core]") {
  REQUIRE(refusal({{1.0, 3.0}, {1.0, 2.0}, {1.0, 2.5}, {1.0, 0.0}}) ==
          "NoiseLevels: not decreasing: sigma = 2.5 at level 2 follows sigma = 2");
  REQUIRE_THAT(refusal({{1.0, 2.0}, {1.0, 2.0}, {1.0, 0.0}}), ContainsSubstring("not decreasing"));
  REQUIRE_THAT(refusal({{1.0, 2.0}, {1.0, 0.0}, {1.0, 0.0}}), ContainsSubstring("not decreasing"));
  REQUIRE_THAT(refusal({{1.0, 2.0}, {2.0, 4.0}, {1.0, 0.0}}), ContainsSubstring("not decreasing"));
}

TEST_CASE("The last level must be exactly clean", "[core]") {
  REQUIRE(refusal({{1.0, 3.0}, {1.0, 1e-9}}) ==
          "NoiseLevels: the last level has signal 1 and noise 1e-09; expected the clean level (signal 1, noise 0)");
  REQUIRE_THAT(refusal({{1.0, 3.0}, {0.5, 0.0}}), ContainsSubstring("the last level has signal 0.5 and noise 0"));
}

TEST_CASE("Levels that are negative or not finite are refused", "[core]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const NoiseLevel bad : {NoiseLevel{nan, 1.0}, NoiseLevel{1.0, nan}, NoiseLevel{1.0, infinity},
                               NoiseLevel{infinity, 1.0}, NoiseLevel{-1.0, 1.0}, NoiseLevel{1.0, -1.0}})
    REQUIRE_THAT(refusal({bad, {1.0, 0.0}}), ContainsSubstring("expected finite, not negative"));
}

TEST_CASE("The nearest step is measured in log sigma", "[core]") {
  const NoiseLevels levels({NoiseLevel::from_alpha_bar(0.0), NoiseLevel::from_sigma(4.0), NoiseLevel::from_sigma(1.0),
                            NoiseLevel::from_sigma(0.0)});
  REQUIRE(levels.nearest_step(NoiseLevel::from_alpha_bar(0.0)) == 0);
  REQUIRE(levels.nearest_step(NoiseLevel::from_sigma(4.0)) == 1);
  REQUIRE(levels.nearest_step(NoiseLevel::from_sigma(1e9)) == 1);
  REQUIRE(levels.nearest_step(NoiseLevel::from_sigma(2.1)) == 1);
  REQUIRE(levels.nearest_step(NoiseLevel::from_sigma(1.9).variance_preserving()) == 2);
  REQUIRE(levels.nearest_step(NoiseLevel::from_sigma(0.0)) == 2);
}

}  // namespace
}  // namespace diffarch
