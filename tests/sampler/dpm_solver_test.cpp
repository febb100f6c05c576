#include "diffarch/sampler/dpm_solver.hpp"

#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "sampler/rules_on_two_points.hpp"

namespace diffarch {
namespace {

TEST_CASE("DPM-Solver++(2M) and its form for the SDE take the steps of the paper's formulas", "[sampler]") {
  test::check_course(DpmSolver2M{}, test::rules::dpm_solver_2m);
  test::check_course(DpmSolver2M{.eta = 1.0}, test::rules::dpm_solver_2m_sde);
  test::check_course(DpmSolver2M{.eta = 0.5}, test::rules::dpm_solver_2m_half);
}

TEST_CASE("DPM-Solver++(2M) converges to the exact flow of a Gaussian with order two, DDIM with order one",
          "[sampler]") {
  const double order = test::order_of_convergence(DpmSolver2M{});
  CAPTURE(order);
  REQUIRE(order == Approx(2.0).margin(0.1));
  REQUIRE(test::order_of_convergence(Ddim{}) == Approx(1.0).margin(0.1));
  REQUIRE(test::flow_error(DpmSolver2M{}, 200) < 0.1 * test::flow_error(Ddim{}, 200));
}

TEST_CASE("Steps from pure noise and a single step are those of DDIM", "[sampler]") {
  const auto gain = [](const auto& rule, const std::vector<double>& alpha_bars) {
    return trajectory_gains(rule, Vector<double>(Vector<double>::Constant(1, 0.7)),
                            CustomSchedule::from_alpha_bars(alpha_bars).levels())(0);
  };
  REQUIRE(gain(DpmSolver2M{}, {0.1, 1.0}) == Approx(gain(Ddim{}, {0.1, 1.0})));
  REQUIRE(gain(DpmSolver2M{}, {0.0, 0.3, 1.0}) == Approx(gain(Ddim{}, {0.0, 0.3, 1.0})));
  REQUIRE(std::isfinite(gain(DpmSolver2M{}, {0.0, 0.3, 0.6, 1.0})));
}

TEST_CASE("An eta out of range is refused", "[sampler]") {
  REQUIRE_THROWS_AS((DpmSolver2M{.eta = -0.1}.noise_scale(NoiseLevel::from_sigma(2), NoiseLevel::from_sigma(1))),
                    InvalidArgument);
}

}  // namespace
}  // namespace diffarch
