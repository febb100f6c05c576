#include "diffarch/schedule/spectrum_w2.hpp"

#include <limits>

#include "diffarch/analysis/bures.hpp"
#include "diffarch/analysis/moment_matching.hpp"
#include "diffarch/analysis/sample_moments.hpp"
#include "diffarch/sampler/adams_bashforth.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/gradient_estimation.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "sampler/gaussian_models.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

const Vector<double> target_spectrum{{30.0, 4.0, 1.0, 0.2, 0.01}};
const KarrasSchedule karras{.steps = 9, .sigma_min = 0.05, .sigma_max = 80.0};

TEST_CASE("W2 of a spectrum by two steps of DDIM and of DDPM is that of their formulas", "[schedule]") {
  // One step from sigma = 3 to 1 and one to 0, in VE coordinates, x_T of variance 10.
  const NoiseLevels levels = CustomSchedule::from_sigmas({3.0, 1.0, 0.0}).levels();
  double ddim = 0.0;
  double ancestral = 0.0;
  for (const double lambda : target_spectrum) {
    const double last = lambda / (lambda + 1.0);
    const double gain = (lambda + 3.0) / (lambda + 9.0) * last;
    ddim += std::pow(std::sqrt(10.0) * gain - std::sqrt(lambda), 2);
    // DDPM in VE coordinates: y' = x0_hat + (sigma' / sigma)^2 (y - x0_hat) + fresh noise of variance sigma'^2 (1 -
    // (sigma' / sigma)^2).
    const double step = lambda / (lambda + 9.0) * (1.0 - 1.0 / 9.0) + 1.0 / 9.0;
    ancestral += std::pow(std::sqrt(10.0 * step * step + 8.0 / 9.0) * last - std::sqrt(lambda), 2);
  }
  REQUIRE(spectrum_w2(Ddim{}, target_spectrum, levels) == Approx(std::sqrt(ddim)).epsilon(1e-13));
  REQUIRE(spectrum_w2(Ancestral{}, target_spectrum, levels) == Approx(std::sqrt(ancestral)).epsilon(1e-13));
}

TEST_CASE("W2 of a spectrum is that of samples from noise of exact moments, for every deterministic rule",
          "[schedule]") {
  const auto model = test::diagonal_model(target_spectrum);
  const Index d = target_spectrum.size();
  const Batch<double> noise =
      match_moments(normal_batch<double>(d, 4 * d, Seed{1}), Vector<double>(Vector<double>::Zero(d)),
                    Matrix<double>(Matrix<double>::Identity(d, d)), Vector<double>(Vector<double>::Ones(d)));
  const auto check = [&](const auto& rule) {
    const Batch<double> samples = sample_from(model, karras, noise, rule);
    const Batch<double> deviations = samples.colwise() - samples.rowwise().mean();
    const Vector<double> variances = deviations.cwiseAbs2().rowwise().mean();
    CAPTURE(rule.name());
    REQUIRE(spectrum_w2(rule, target_spectrum, karras.levels()) ==
            Approx(bures_distance_of_spectra(variances, target_spectrum)).epsilon(1e-10));
  };
  check(Ddim{});
  check(Heun{});
  check(DpmSolver2M{});
  check(AdamsBashforth{.order = 3});
  check(GradientEstimation{});
}

TEST_CASE("A mode of no variance costs nothing, and a spectrum out of range is refused", "[schedule]") {
  Vector<double> longer = Vector<double>::Zero(7);
  longer.head(5) = target_spectrum;
  REQUIRE(spectrum_w2(DpmSolver2M{}, longer, karras.levels()) ==
          Approx(spectrum_w2(DpmSolver2M{}, target_spectrum, karras.levels())).epsilon(1e-14));
  const auto refusal = [](const Vector<double>& eigenvalues) {
    return test::message_of<InvalidArgument>([&] { return spectrum_w2(Heun{}, eigenvalues, karras.levels()); });
  };
  REQUIRE(refusal(Vector<double>(0)) == "spectrum_w2: no eigenvalues");
  REQUIRE(refusal(Vector<double>{{1.0, -2.0}}) == "spectrum_w2: eigenvalue 1 is -2, expected a finite value >= 0");
  REQUIRE_THAT(test::message_of<InvalidArgument>(
                   [&] { return spectrum_w2(Heun{}, target_spectrum, karras.levels().part(0, 4)); }),
               ContainsSubstring("expected levels that end clean"));
  REQUIRE_THAT(refusal(Vector<double>{{std::numeric_limits<double>::infinity()}}), ContainsSubstring("is inf"));
}

}  // namespace
}  // namespace diffarch
