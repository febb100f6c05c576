#include "diffarch/sampler/parametrisations.hpp"

#include "diffarch/core/predictions.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Models of the noise, the score and v are the denoiser that they came from", "[sampler]") {
  const auto model = fit(RankK{.rank = 3}, test::correlated_samples(5, 40, 1), CosineSchedule{.steps = 4});
  const auto epsilon = from_epsilon<double>(
      5, [&](const Batch<double>& y, NoiseLevel level) { return epsilon_hat(y, model.denoise(y, level), level); });
  const auto of_score = from_score<double>(
      5, [&](const Batch<double>& y, NoiseLevel level) { return score(y, model.denoise(y, level), level); });
  const auto of_v = from_v<double>(
      5, [&](const Batch<double>& y, NoiseLevel level) { return v_hat(y, model.denoise(y, level), level); });
  const Batch<double> y = test::random_matrix(5, 6, 2);
  for (const NoiseLevel level : {NoiseLevel::from_sigma(3.0), NoiseLevel::from_alpha_bar(0.2)}) {
    const Batch<double> expected = model.denoise(y, level);
    REQUIRE(test::relative_difference(epsilon.denoise(y, level), expected) < 1e-13);
    REQUIRE(test::relative_difference(of_score.denoise(y, level), expected) < 1e-13);
    REQUIRE(test::relative_difference(of_v.denoise(y, level), expected) < 1e-13);
  }
  const KarrasSchedule schedule{.steps = 7};
  REQUIRE(test::relative_difference(sample(epsilon, schedule, 3, Seed{1}, DpmSolver2M{}),
                                    sample(model, schedule, 3, Seed{1}, DpmSolver2M{})) < 1e-9);
}

TEST_CASE("v of clean samples and noise is that of the paper", "[sampler]") {
  const Batch<double> x0 = test::random_matrix(2, 3, 1);
  const Batch<double> noise = test::random_matrix(2, 3, 2);
  const NoiseLevel level = NoiseLevel::from_alpha_bar(0.36);  // alpha = 0.6, sigma = 0.8
  const Batch<double> y = 0.6 * x0 + 0.8 * noise;
  REQUIRE(test::relative_difference(v_hat(y, x0, level), Batch<double>(0.6 * noise - 0.8 * x0)) < 1e-14);
}

TEST_CASE("At pure noise v still gives x0, noise and score do not", "[sampler]") {
  const NoiseLevel pure = NoiseLevel::from_alpha_bar(0.0);
  const Batch<double> y = test::random_matrix(2, 3, 1);
  const auto ones = [](const Batch<double>& at, NoiseLevel /*level*/) -> Batch<double> {
    return Batch<double>::Ones(at.rows(), at.cols());
  };
  REQUIRE(from_v<double>(2, ones).denoise(y, pure) == Batch<double>::Constant(2, 3, -1.0));
  REQUIRE_THROWS_AS(from_epsilon<double>(2, ones).denoise(y, pure), InvalidArgument);
  REQUIRE_THROWS_AS(from_score<double>(2, ones).denoise(y, pure), InvalidArgument);
}

}  // namespace
}  // namespace diffarch
