#include "diffarch/sampler/euler_maruyama.hpp"

#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/karras.hpp"
#include "sampler/rules_on_two_points.hpp"

namespace diffarch {
namespace {

TEST_CASE("Euler-Maruyama takes the steps of the reverse-time SDE in sigma", "[sampler]") {
  test::check_course(EulerMaruyama{}, test::rules::euler_maruyama);
}

TEST_CASE("With many steps Euler-Maruyama generates what the SDE does, with the error of order one", "[sampler]") {
  const Batch<double> data = test::correlated_samples(4, 60, 3);
  const auto model = fit(RankK{.rank = 4}, data, KarrasSchedule{.steps = 4});
  const auto error = [&](Index steps) {
    const auto predicted = predicted_distribution(model, KarrasSchedule{.steps = steps}, EulerMaruyama{});
    return (predicted.finite_steps.mode_variance - predicted.continuous_limit.mode_variance)
        .cwiseQuotient(predicted.continuous_limit.mode_variance)
        .cwiseAbs()
        .maxCoeff();
  };
  REQUIRE(error(800) < 0.05);
  REQUIRE(std::log2(error(400) / error(800)) == Approx(1.0).margin(0.15));
}

TEST_CASE("Euler-Maruyama from pure noise is refused", "[sampler]") {
  REQUIRE_THROWS_AS(EulerMaruyama{}.noise_scale(NoiseLevel::from_alpha_bar(0.0), NoiseLevel::from_sigma(1.0)),
                    InvalidArgument);
}

}  // namespace
}  // namespace diffarch
