#include "diffarch/schedule/part.hpp"

#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

static_assert(Schedule<PartOfSchedule<KarrasSchedule>>);

TEST_CASE("A part has the levels of its steps, and says which they are", "[schedule]") {
  const KarrasSchedule schedule{.steps = 6};
  const NoiseLevels whole = schedule.levels();
  const NoiseLevels middle = part(schedule, 2, 4).levels();
  REQUIRE(middle.steps() == 2);
  for (Index k = 0; k <= 2; ++k) REQUIRE(middle[k] == whole[k + 2]);
  REQUIRE(middle.first_step() == 2);
  REQUIRE(middle.whole_steps() == 6);
  REQUIRE_FALSE(middle.ends_clean());
  REQUIRE(part(schedule, 2, 6).levels().ends_clean());
  REQUIRE(part(schedule, 0, 6).levels() == whole);
  REQUIRE(whole.first_step() == 0);
  REQUIRE(part(schedule, 2, 4).name() == "KarrasSchedule, steps 3 to 4");
  // A part of a part counts from the whole.
  REQUIRE(part(part(schedule, 1, 5), 1, 3).levels() == middle);
}

TEST_CASE("The rest of a schedule begins at the level whose sigma is nearest", "[schedule]") {
  const CosineSchedule schedule{.steps = 50};
  const NoiseLevels whole = schedule.levels();
  const NoiseLevels rest = from_sigma(schedule, whole[20].sigma() * 1.01).levels();
  REQUIRE(rest[0] == whole[20]);
  REQUIRE(rest.steps() == 30);
  REQUIRE(rest.ends_clean());
  REQUIRE(from_sigma(schedule, 1e9).levels() == whole);
  REQUIRE(from_sigma(schedule, 1e-9).levels().steps() == 1);
}

TEST_CASE("Parts without a step are refused", "[schedule]") {
  const KarrasSchedule schedule{.steps = 6};
  REQUIRE(test::message_of<InvalidArgument>([&] { return part(schedule, 3, 3); }) ==
          "NoiseLevels: a part from level 3 to 3 of 6 steps; expected 0 <= first < last <= 6");
  REQUIRE_THROWS_AS(part(schedule, -1, 3), InvalidArgument);
  REQUIRE_THROWS_AS(part(schedule, 0, 7), InvalidArgument);
  for (const double sigma : {0.0, -1.0, std::nan("")})
    REQUIRE_THAT(test::message_of<InvalidArgument>([&] { return from_sigma(schedule, sigma); }),
                 ContainsSubstring("expected sigma > 0"));
}

}  // namespace
}  // namespace diffarch
