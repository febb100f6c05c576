#include "diffarch/analysis/chi_square.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("The score of a chi-square quantile is the normal quantile", "[analysis]") {
  struct Quantile {
    double degrees, statistic, z;
  };
  // Tables of the chi-square distribution: probabilities 0.025, 0.5, 0.95, 0.99, 0.999.
  for (const auto& [degrees, statistic, z] : std::vector<Quantile>{{10, 3.247, -1.960},
                                                                   {10, 9.342, 0.0},
                                                                   {10, 18.307, 1.645},
                                                                   {10, 23.209, 2.326},
                                                                   {10, 29.588, 3.090},
                                                                   {100, 74.222, -1.960},
                                                                   {100, 99.334, 0.0},
                                                                   {100, 124.342, 1.645},
                                                                   {100, 135.807, 2.326},
                                                                   {100, 149.449, 3.090}})
    // Error of the transformation: it falls with the degrees of freedom and grows with |z|.
    REQUIRE(chi_square_z(statistic, degrees) == Approx(z).margin(degrees < 50 ? 0.02 : 0.003));
}

TEST_CASE("A statistic of zero has a finite score", "[analysis]") {
  REQUIRE(chi_square_z(0.0, 10.0) == Approx(-(1.0 - 2.0 / 90.0) / std::sqrt(2.0 / 90.0)));
}

TEST_CASE("The two-sided p-value is that of the normal distribution", "[analysis]") {
  REQUIRE(two_sided_p_value(0.0) == 1.0);
  REQUIRE(two_sided_p_value(1.959964) == Approx(0.05).epsilon(1e-6));  // the quantile has seven digits
  REQUIRE(two_sided_p_value(-2.575829) == Approx(0.01).epsilon(1e-5));
  REQUIRE(two_sided_p_value(4.9) == Approx(9.58e-7).epsilon(1e-3));
}

TEST_CASE("Negative statistics and no degrees of freedom are refused", "[analysis]") {
  for (const auto& [statistic, degrees] : std::vector<std::pair<double, double>>{{-1, 3}, {1, 0}, {std::nan(""), 3}})
    REQUIRE_THAT(test::message_of<InvalidArgument>([s = statistic, d = degrees] { return chi_square_z(s, d); }),
                 ContainsSubstring("expected statistic >= 0 and degrees > 0"));
}

}  // namespace
}  // namespace diffarch
