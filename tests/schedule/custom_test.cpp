#include "diffarch/schedule/custom.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;

TEST_CASE("A custom schedule keeps the given sigmas or alpha_bars", "[schedule]") {
  REQUIRE(CustomSchedule::from_sigmas({3.0, 1.0, 0.0}).levels().sigmas() == std::vector<double>{3.0, 1.0, 0.0});
  const NoiseLevels levels = CustomSchedule::from_alpha_bars({0.0, 0.36, 1.0}).levels();
  REQUIRE(levels[0] == NoiseLevel{0.0, 1.0});
  REQUIRE(levels[1] == NoiseLevel{0.6, 0.8});
  REQUIRE(levels[2] == NoiseLevel{1.0, 0.0});
}

TEST_CASE("A custom schedule is checked when it is made", "[schedule]") {
  REQUIRE_THAT(message_of<InvalidArgument>([] { return CustomSchedule::from_sigmas({}); }),
               ContainsSubstring("zero steps"));
  REQUIRE_THAT(message_of<InvalidArgument>([] {
                 return CustomSchedule::from_sigmas({1.0, 2.0, 0.0});
               }),
               ContainsSubstring("not decreasing: sigma = 2 at level 1 follows sigma = 1"));
  REQUIRE_THAT(message_of<InvalidArgument>([] {
                 return CustomSchedule::from_sigmas({2.0, 1.0});
               }),
               ContainsSubstring("expected the clean level"));
  REQUIRE_THAT(message_of<InvalidArgument>([] {
                 return CustomSchedule::from_sigmas({-2.0, 0.0});
               }),
               ContainsSubstring("sigma = -2"));
  REQUIRE_THAT(message_of<InvalidArgument>([] {
                 return CustomSchedule::from_alpha_bars({0.5, 0.2, 1.0});
               }),
               ContainsSubstring("not decreasing"));
  REQUIRE_THAT(message_of<InvalidArgument>([] {
                 return CustomSchedule::from_alpha_bars({0.5, 1.2});
               }),
               ContainsSubstring("alpha_bar = 1.2"));
}

}  // namespace
}  // namespace diffarch
