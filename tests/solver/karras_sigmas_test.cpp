#include "diffarch/solver/karras_sigmas.hpp"

#include <cmath>
#include <vector>

#include "diffarch/schedule/karras.hpp"
#include "diffarch/solver/level_search.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Roots of Karras's sigmas fall in equal steps", "[solver]") {
  REQUIRE(detail::karras_sigmas(1.0, 5.0, 1.0, 5) == std::vector<double>{5.0, 4.0, 3.0, 2.0, 1.0});
  REQUIRE(detail::karras_sigmas(1.0, 5.0, 7.0, 1) == std::vector<double>{5.0});
  const std::vector<double> quadratic = detail::karras_sigmas(1.0, 16.0, 2.0, 4);  // roots 4, 3, 2, 1
  REQUIRE(quadratic.size() == 4);
  REQUIRE(quadratic[0] == 16.0);
  REQUIRE(quadratic[1] == Approx(9.0).epsilon(1e-15));
  REQUIRE(quadratic[2] == Approx(4.0).epsilon(1e-15));
  REQUIRE(quadratic[3] == Approx(1.0).epsilon(1e-15));
}

TEST_CASE("The schedule and the search of levels have the same sigmas", "[solver]") {
  const KarrasSchedule schedule{.steps = 18};
  const std::vector<double> sigmas = detail::karras_sigmas(0.002, 80.0, 7.0, 18);
  const std::vector<double> log_sigmas = detail::karras_levels(0.002, 80.0, 7.0, 18);
  const NoiseLevels levels = schedule.levels();
  REQUIRE(levels.steps() == 18);
  REQUIRE(log_sigmas.size() == 18);
  for (Index i = 0; i < 18; ++i) {
    const auto at = static_cast<std::size_t>(i);
    REQUIRE(levels[i].sigma() == sigmas[at]);
    REQUIRE(log_sigmas[at] == std::log(sigmas[at]));
  }
}

}  // namespace
}  // namespace diffarch
