// Likelihoods of models of every backend: samples and results are on the host.

#include "diffarch/analysis/exact_likelihood.hpp"
#include "diffarch/analysis/likelihood.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::TestedBackend;

TEST_CASE("A backend's model has the likelihood of its closed form", "[analysis][likelihood]") {
  const GaussianMixture<double> mixture = three_component_mixture();
  const NoiseLevels levels = KarrasSchedule{.steps = 40, .sigma_min = 0.2}.levels();
  const Batch<double> x = mixture.sample(20, Seed{3});
  const FlowOptions options{.substeps = 8};
  for (const Index rank : {1, 2}) {
    const auto model = fit(RankK{.rank = rank}, x, KarrasSchedule{}, TestedBackend{});
    const Vector<double> exact = exact_log_likelihood(model, levels[0], levels[levels.steps() - 1], x);
    CHECK(test::relative_difference(log_likelihood(model, levels, x, options).log_density, exact) < 1e-7);
    const LogLikelihood estimated =
        log_likelihood(model, levels, x, {.substeps = 8, .divergence = Divergence::estimated, .probes = 40});
    for (Index i = 0; i < x.cols(); ++i)
      CHECK(std::abs(estimated.log_density(i) - exact(i)) < 5.0 * estimated.standard_error(i) + 1e-4);
    const FlowSamples<double> generated = flow_samples(model, levels, 9, Seed{4}, options);
    CHECK(test::relative_difference(
              generated.likelihood.log_density,
              exact_log_likelihood(model, levels[0], levels[levels.steps() - 1], generated.samples)) < 1e-7);
  }
  const auto score = fit(GaussianMixtureScore{}, mixture, KarrasSchedule{}, TestedBackend{});
  CHECK((log_likelihood(score, levels, x, options).log_density - mixture.with_noise(0.2).log_density(x))
            .cwiseAbs()
            .maxCoeff() < 1e-3);  // what sigma_T = 80 leaves
}

}  // namespace
}  // namespace diffarch
