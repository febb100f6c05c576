#include "diffarch/solver/level_search.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using Values = std::vector<double>;

TEST_CASE("Levels and the logarithms of their gaps are the same thing", "[solver]") {
  const Values t{4.0, 3.5, 1.0, -2.0};
  const Values gaps = detail::gaps_of_levels(t);
  REQUIRE(gaps.size() == 3);
  REQUIRE(gaps[0] == Approx(std::log(0.5)));
  const Values again = detail::levels_of_gaps(4.0, gaps);
  for (std::size_t k = 0; k < t.size(); ++k) REQUIRE(again[k] == Approx(t[k]).epsilon(1e-12));
  const Values joined = detail::levels_of_gaps(4.0, Values{-1000.0});  // levels that would be one stay two
  REQUIRE(joined[1] < joined[0]);
}

TEST_CASE("Karras's levels of rho = 1 are equally far apart in sigma", "[solver]") {
  const Values t = detail::karras_levels(1.0, 5.0, 1.0, 5);
  REQUIRE(t.size() == 5);
  for (std::size_t k = 0; k < 5; ++k) REQUIRE(std::exp(t[k]) == Approx(5.0 - static_cast<double>(k)).epsilon(1e-12));
  REQUIRE(detail::karras_levels(1.0, 5.0, 7.0, 1) == Values{std::log(5.0)});
}

TEST_CASE("The levels of a loss with a known minimum are found, also many of them", "[solver]") {
  // Errors that vanish at log sigma_k = 3 - k / 10, and are not defined below sigma = 1e-12.
  for (const Index steps : {1, 2, 7, 60}) {
    const auto errors = [](const Values& t) {
      Values r{0.0};
      for (std::size_t k = 1; k < t.size(); ++k) r.push_back(t[k] - 3.0 + 0.1 * static_cast<double>(k));
      return t.back() > -27.0 ? r : Values{};
    };
    const Values t = detail::search_levels_of_rule(errors, 1.0, std::exp(3.0), steps, {});
    REQUIRE(t.size() == static_cast<std::size_t>(steps));
    for (std::size_t k = 0; k < t.size(); ++k) REQUIRE(t[k] == Approx(3.0 - 0.1 * static_cast<double>(k)).margin(1e-4));
  }
}

}  // namespace
}  // namespace diffarch
