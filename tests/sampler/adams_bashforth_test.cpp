#include "diffarch/sampler/adams_bashforth.hpp"

#include "diffarch/sampler/collapsed.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "sampler/rules_on_two_points.hpp"

namespace diffarch {
namespace {

TEST_CASE("Adams-Bashforth takes the steps that integrating the polynomial of the slopes gives", "[sampler]") {
  test::check_course(AdamsBashforth{.order = 1}, test::rules::adams_bashforth_1);
  test::check_course(AdamsBashforth{.order = 2}, test::rules::adams_bashforth_2);
  test::check_course(AdamsBashforth{.order = 3}, test::rules::adams_bashforth_3);
  test::check_course(AdamsBashforth{.order = 4}, test::rules::adams_bashforth_4);
}

TEST_CASE("Weights of equal steps are those of the tables", "[sampler]") {
  const std::vector<double> sigmas{4.0, 5.0, 6.0, 7.0};  // a step of -1
  const std::vector<double> expected{55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0};
  for (std::size_t j = 0; j < 4; ++j)
    REQUIRE(AdamsBashforth::weight(sigmas, j, 3.0) == Approx(-expected[j]).epsilon(1e-13));
}

TEST_CASE("Adams-Bashforth converges to the exact flow of a Gaussian with its order", "[sampler]") {
  REQUIRE(test::order_of_convergence(AdamsBashforth{.order = 1}) == Approx(1.0).margin(0.1));
  REQUIRE(test::order_of_convergence(AdamsBashforth{.order = 2}) == Approx(2.0).margin(0.15));
  REQUIRE(test::order_of_convergence(AdamsBashforth{.order = 3}) == Approx(3.0).margin(0.3));
  REQUIRE(test::flow_error(AdamsBashforth{.order = 4}, 200) < test::flow_error(AdamsBashforth{.order = 3}, 200));
}

TEST_CASE("Pure noise and an order out of range are refused", "[sampler]") {
  const Vector<double> one = Vector<double>::Ones(1);
  const NoiseLevels from_pure_noise({NoiseLevel::from_alpha_bar(0.0), NoiseLevel::from_alpha_bar(0.5), NoiseLevel{}});
  REQUIRE_THROWS_WITH(trajectory_gains(AdamsBashforth{}, one, from_pure_noise),
                      "AdamsBashforth: sampling starts from pure noise (alpha_bar = 0); expected a finite sigma_T");
  const NoiseLevels finite({NoiseLevel::from_sigma(2.0), NoiseLevel{}});
  REQUIRE_THROWS_WITH(trajectory_gains(AdamsBashforth{.order = 5}, one, finite),
                      "AdamsBashforth: order = 5, expected 1 to 4");
}

}  // namespace
}  // namespace diffarch
