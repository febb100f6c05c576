#include "diffarch/sampler/gradient_estimation.hpp"

#include "diffarch/sampler/collapsed.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/schedule/karras.hpp"
#include "sampler/rules_on_two_points.hpp"

namespace diffarch {
namespace {

TEST_CASE("Gradient estimation takes the steps of the paper's formula", "[sampler]") {
  test::check_course(GradientEstimation{}, test::rules::gradient_estimation_2);
  test::check_course(GradientEstimation{.gamma = 1.0}, test::rules::adams_bashforth_1);  // DDIM
}

TEST_CASE("With gamma = 1 gradient estimation is DDIM; with 2 it converges, too", "[sampler]") {
  const Vector<double> lambdas{{0.01, 1.0, 30.0}};
  const NoiseLevels levels = KarrasSchedule{.steps = 12}.levels();
  const Vector<double> ddim = trajectory_gains(Ddim{}, lambdas, levels);
  REQUIRE(test::relative_difference(trajectory_gains(GradientEstimation{.gamma = 1.0}, lambdas, levels), ddim) < 1e-12);
  REQUIRE(test::order_of_convergence(GradientEstimation{}) == Approx(1.0).margin(0.2));
}

TEST_CASE("Gradient estimation from pure noise is refused", "[sampler]") {
  const NoiseLevels levels({NoiseLevel::from_alpha_bar(0.0), NoiseLevel{}});
  REQUIRE_THROWS_AS(trajectory_gains(GradientEstimation{}, Vector<double>(Vector<double>::Ones(1)), levels),
                    InvalidArgument);
}

}  // namespace
}  // namespace diffarch
