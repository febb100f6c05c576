#include "diffarch/sampler/exact_flow.hpp"

#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::TestedBackend;

struct Setting {
  Batch<double> y = test::random_matrix(6, 4, 2);
  GaussianDenoiser<TestedBackend, double> model =
      fit(RankK{.rank = 3}, Batch<double>(test::correlated_samples(6, 40, 1).array() + 0.7), CosineSchedule{.steps = 2},
          TestedBackend{});

  [[nodiscard]] Batch<double> flow(const Batch<double>& from_y, NoiseLevel from, NoiseLevel to) const {
    return TestedBackend::download(exact_flow(model, TestedBackend::upload(from_y), from, to));
  }
};

TEST_CASE("The exact flow is one way through the levels: by way of another, and back", "[sampler]") {
  const Setting s;
  const NoiseLevel a = NoiseLevel::from_sigma(5.0);
  const NoiseLevel b = NoiseLevel::from_alpha_bar(0.4);
  const NoiseLevel c = NoiseLevel::from_sigma(0.2);
  const Batch<double> direct = s.flow(s.y, a, c);
  REQUIRE(test::relative_difference(s.flow(s.flow(s.y, a, b), b, c), direct) < 1e-13);
  REQUIRE(test::relative_difference(s.flow(direct, c, a), s.y) < 1e-12);
  REQUIRE(test::relative_difference(s.flow(s.y, a, a), s.y) < 1e-13);
}

TEST_CASE("Many steps of a rule tend to the exact flow", "[sampler]") {
  const Setting s;
  const auto error = [&](Index steps) {
    std::vector<double> sigmas;
    for (Index k = 0; k < steps; ++k)
      sigmas.push_back(4.0 * std::pow(1e-4, static_cast<double>(k) / static_cast<double>(steps - 1)));
    sigmas.push_back(0.0);
    const CustomSchedule schedule = CustomSchedule::from_sigmas(sigmas);
    const NoiseLevels levels = schedule.levels();
    const Batch<double> expected = s.flow(levels[0].scale() * s.y, levels[0], levels[steps]);
    return test::relative_difference(sample_from(s.model, schedule, s.y, DpmSolver2M{}), expected);
  };
  REQUIRE(error(100) < 1e-3);
  REQUIRE(std::log2(error(100) / error(200)) == Approx(2.0).margin(0.2));
}

TEST_CASE("The exact flow carries Gaussian data at one level to those of the other", "[sampler]") {
  const Setting s;
  const NoiseLevel from = NoiseLevel::from_alpha_bar(0.3);
  const NoiseLevel to = NoiseLevel::from_sigma(0.1);
  // Along mode k: y = signal mean + sqrt(lambda signal^2 + noise^2) u_k.
  const Batch<double> basis = TestedBackend::download(s.model.basis());
  const auto at = [&](NoiseLevel level) {
    Batch<double> y(6, 3);
    for (Index k = 0; k < 3; ++k)
      y.col(k) = level.signal * s.model.mean() +
                 std::hypot(std::sqrt(s.model.eigenvalues()(k)) * level.signal, level.noise) * basis.col(k);
    return y;
  };
  REQUIRE(test::relative_difference(s.flow(at(from), from, to), at(to)) < 1e-13);
}

TEST_CASE("The exact flow refuses another dimension, and to make noise of nothing", "[sampler]") {
  const Setting s;
  REQUIRE_THROWS_AS(s.flow(test::random_matrix(5, 2, 1), NoiseLevel::from_sigma(1), NoiseLevel{}), DimensionMismatch);
  REQUIRE_THROWS_AS(s.flow(s.y, NoiseLevel{}, NoiseLevel::from_sigma(1)), InvalidArgument);
}

}  // namespace
}  // namespace diffarch
