#include "diffarch/schedule/describe.hpp"

#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A schedule's description gives its name, steps, sigma_T and last sigma", "[schedule]") {
  REQUIRE(describe(CustomSchedule::from_sigmas({8.0, 1.0, 0.25, 0.0})) ==
          "CustomSchedule: 3 steps, sigma_T = 8, last sigma = 0.25");
  REQUIRE(describe(CustomSchedule::from_alpha_bars({0.0, 1.0})) ==
          "CustomSchedule: 1 steps, sigma_T = inf, last sigma = inf");
  REQUIRE_THAT(describe(CosineSchedule{.steps = 10}), ContainsSubstring("CosineSchedule: 10 steps, sigma_T = 20"));
}

}  // namespace
}  // namespace diffarch
