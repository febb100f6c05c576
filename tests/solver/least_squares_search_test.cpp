#include "diffarch/solver/least_squares_search.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using Values = std::vector<double>;

TEST_CASE("The minimum of Rosenbrock's function is found from far away", "[solver]") {
  Values x{-1.2, 1.0};
  const auto rosenbrock = [](const Values& at) { return Values{10.0 * (at[1] - at[0] * at[0]), 1.0 - at[0]}; };
  REQUIRE(detail::minimise_squares(rosenbrock, x, 200) < 1e-20);
  REQUIRE(x[0] == Approx(1.0).epsilon(1e-9));
  REQUIRE(x[1] == Approx(1.0).epsilon(1e-9));
}

TEST_CASE("A linear problem of least squares has the solution of its normal equations", "[solver]") {
  // y = a + b t at t = 0, 1, 2, 3: a = mean(y) - b mean(t), b = cov(t, y) / var(t).
  const Values y{1.0, 3.0, 2.0, 5.0};
  Values x{0.0, 0.0};
  const auto residuals = [&](const Values& line) {
    Values r;
    for (std::size_t i = 0; i < y.size(); ++i) r.push_back(line[0] + line[1] * static_cast<double>(i) - y[i]);
    return r;
  };
  const double squares = detail::minimise_squares(residuals, x, 200);
  REQUIRE(x[0] == Approx(1.1).epsilon(1e-6));
  REQUIRE(x[1] == Approx(1.1).epsilon(1e-6));
  REQUIRE(squares == Approx(0.01 + 0.64 + 1.69 + 0.36).epsilon(1e-9));  // residuals .1, -.8, 1.3, -.6
}

TEST_CASE("A point where the residuals are not defined is not entered", "[solver]") {
  // log(x) + 3 is defined for x > 0 only, and the first move from 1 leads to -2 unless it is limited.
  Values x{1.0};
  const auto residuals = [](const Values& at) { return at[0] > 0.0 ? Values{std::log(at[0]) + 3.0} : Values{}; };
  REQUIRE(detail::minimise_squares(residuals, x, 200) < 1e-18);
  REQUIRE(x[0] == Approx(std::exp(-3.0)).epsilon(1e-8));
  Values nowhere{-1.0};
  REQUIRE(std::isinf(detail::minimise_squares(residuals, nowhere)));
  REQUIRE(nowhere == Values{-1.0});
}

TEST_CASE("No element moves by more than 1 in a step", "[solver]") {
  Values x{0.0, 0.0};
  const auto residuals = [](const Values& at) { return Values{at[0] - 100.0, at[1] - 1.0}; };
  (void)detail::minimise_squares(residuals, x, 5);
  REQUIRE(x[0] == Approx(5.0).epsilon(1e-6));
  REQUIRE(x[1] < 0.06);  // in the direction of the minimum
}

TEST_CASE("Without a free element the value is returned", "[solver]") {
  Values none;
  REQUIRE(detail::minimise_squares([](const Values& /*at*/) { return Values{3.0, 4.0}; }, none) == 25.0);
  REQUIRE(std::isinf(detail::sum_of_squares({})));
  REQUIRE(std::isinf(detail::sum_of_squares({1.0, std::nan("")})));
}

}  // namespace
}  // namespace diffarch
