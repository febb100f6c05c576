#include "diffarch/schedule/spectrum_optimal.hpp"

#include <limits>

#include "diffarch/sampler/adams_bashforth.hpp"
#include "diffarch/sampler/ancestral.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/exact_flow.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::real;

static_assert(Schedule<SpectrumOptimalSchedule<>> && Schedule<SpectrumOptimalSchedule<Heun>>);

/// lambda_k = 100 / k^2, as spectra of images fall.
Vector<double> power_law(Index modes) {
  Vector<double> eigenvalues(modes);
  for (Index k = 0; k < modes; ++k) eigenvalues(k) = 100.0 / (real(k + 1) * real(k + 1));
  return eigenvalues;
}

/// So many modes of one variance.
struct ModeGroup {
  double lambda;
  Index count;
};

Vector<double> spectrum_of(const std::vector<ModeGroup>& groups) {
  std::vector<double> eigenvalues;
  for (const ModeGroup& group : groups)
    eigenvalues.insert(eigenvalues.end(), static_cast<std::size_t>(group.count), group.lambda);
  return Eigen::Map<const Vector<double>>(eigenvalues.data(), static_cast<Index>(eigenvalues.size()));
}

CustomSchedule with_sigma(const NoiseLevels& levels, Index changed, double factor) {
  std::vector<double> sigmas = levels.sigmas();
  sigmas[static_cast<std::size_t>(changed)] *= factor;
  return CustomSchedule::from_sigmas(sigmas);
}

TEST_CASE("One mode has equal angles as its optimum", "[schedule]") {
  for (const double lambda : {1e-4, 1.0, 2500.0})
    for (const Index steps : {1, 2, 10, 60})  // more than 24 are solved as 24 first
      for (const double sigma_T : {20291.2, 300.0}) {
        const NoiseLevels levels = SpectrumOptimalSchedule(Vector<double>{{lambda}}, steps, sigma_T).levels();
        REQUIRE(levels.steps() == steps);
        const double angle = std::atan(sigma_T / std::sqrt(lambda)) / real(steps);
        for (Index k = 0; k < steps; ++k)
          REQUIRE(levels[k].sigma() ==
                  Approx(std::sqrt(lambda) * std::tan(angle * real(steps - k))).epsilon(1e-8).margin(0.0));
      }
}

TEST_CASE("Equal modes are as one", "[schedule]") {
  const auto one = SpectrumOptimalSchedule(Vector<double>{{7.0}}, 8).levels();
  const auto many = SpectrumOptimalSchedule(Vector<double>::Constant(5, 7.0), 8).levels();
  for (Index k = 0; k < 8; ++k) REQUIRE(many[k].sigma() == Approx(one[k].sigma()).epsilon(1e-9));
}

TEST_CASE("No point of a fine grid is better than the optimum of a few groups of modes", "[schedule]") {
  const double sigma_T = 2e4;
  const auto loss = [](const std::vector<ModeGroup>& groups, const std::vector<double>& sigmas) {
    double sum = 0.0;
    for (const auto& [lambda, count] : groups) {
      double deviation = std::sqrt(1.0 + sigmas[0] * sigmas[0]);
      for (std::size_t k = 0; k + 1 < sigmas.size(); ++k)
        deviation *= (lambda + sigmas[k] * sigmas[k + 1]) / (lambda + sigmas[k] * sigmas[k]);
      sum += real(count) * (deviation - std::sqrt(lambda)) * (deviation - std::sqrt(lambda));
    }
    return sum;
  };
  const auto grid = [](Index i, Index points) { return 1e-4 * std::pow(1e8, real(i) / real(points - 1)); };
  // Groups that hold much variance each and lie far apart: some of these have several minima.
  const std::vector<std::vector<ModeGroup>> spectra{{{25.0, 1}, {1.0, 1}},
                                                    {{4.0, 1}, {0.01, 30}},
                                                    {{900.0, 1}, {1e-3, 1}},
                                                    {{1e4, 1}, {1e-2, 900'000}},
                                                    {{1e4, 1}, {1e-2, 1'150'000}},
                                                    {{1e3, 1}, {5.0, 200}, {1e-2, 90'000}},
                                                    {{1e3, 3}, {1.0, 1000}, {1e-3, 200'000}}};
  for (const auto& groups : spectra) {
    const Vector<double> spectrum = spectrum_of(groups);
    double two_steps = std::numeric_limits<double>::infinity();
    for (Index i = 0; i < 4000; ++i) two_steps = std::min(two_steps, loss(groups, {sigma_T, grid(i, 4000), 0.0}));
    const double optimum = std::pow(SpectrumOptimalSchedule(spectrum, 2, sigma_T).w2(), 2);
    // The grid is 0.5 % apart in sigma; at the minimum that is a change of order 1e-5.
    REQUIRE(optimum <= two_steps * (1.0 + 1e-10));
    REQUIRE(optimum == Approx(two_steps).epsilon(1e-4));
    double three_steps = std::numeric_limits<double>::infinity();
    for (Index i = 0; i < 200; ++i)
      for (Index j = 0; j < i; ++j)
        three_steps = std::min(three_steps, loss(groups, {sigma_T, grid(i, 200), grid(j, 200), 0.0}));
    const double optimum_of_three = std::pow(SpectrumOptimalSchedule(spectrum, 3, sigma_T).w2(), 2);
    REQUIRE(optimum_of_three <= three_steps * (1.0 + 1e-10));
    REQUIRE(optimum_of_three == Approx(three_steps).epsilon(2e-2));
  }
  // Two minima a thousandfold apart, about the one mode and about the many; which is the lower depends on their number.
  REQUIRE(SpectrumOptimalSchedule(spectrum_of(spectra[3]), 2, sigma_T).levels()[1].sigma() ==
          Approx(99.0).epsilon(0.01));
  REQUIRE(SpectrumOptimalSchedule(spectrum_of(spectra[4]), 2, sigma_T).levels()[1].sigma() ==
          Approx(0.1).epsilon(0.01));
}

TEST_CASE("Moving any sigma of the optimum makes W2 larger, to second order", "[schedule]") {
  const Vector<double> eigenvalues = power_law(60);
  for (const Index steps : {2, 10, 40}) {
    const SpectrumOptimalSchedule schedule(eigenvalues, steps);
    const NoiseLevels levels = schedule.levels();
    const double optimum = std::pow(schedule.w2(), 2);
    const auto loss = [&](Index k, double factor) {
      return std::pow(ddim_spectrum_w2(eigenvalues, with_sigma(levels, k, factor).levels()), 2) - optimum;
    };
    for (Index k = 1; k < steps; ++k) {
      for (const double factor : {1.001, 0.999, 1.01, 0.99}) REQUIRE(loss(k, factor) > 0.0);
      // Ten times the move costs a hundred times as much: the slope at the optimum is zero. Cubic terms are a few
      // percent of the quadratic ones at a hundredth, more where steps are short.
      REQUIRE((loss(k, 1.01) + loss(k, 1.0 / 1.01)) / (loss(k, 1.001) + loss(k, 1.0 / 1.001)) ==
              Approx(100.0).epsilon(0.1));
      REQUIRE(std::abs(loss(k, 1.0001) - loss(k, 1.0 / 1.0001)) < 0.01 * (loss(k, 1.0001) + loss(k, 1.0 / 1.0001)));
    }
  }
}

TEST_CASE("The optimum beats every other schedule, and no schedule beats the bound of each mode by itself",
          "[schedule]") {
  const Vector<double> eigenvalues = power_law(200);
  double previous = std::numeric_limits<double>::infinity();
  for (const Index steps : {1, 2, 5, 10, 24, 25, 50, 100}) {
    const SpectrumOptimalSchedule schedule(eigenvalues, steps);
    const double sigma_T = schedule.levels().sigma_T();
    REQUIRE(sigma_T == Approx(CosineSchedule{.steps = steps}.levels().sigma_T()).epsilon(1e-12));
    REQUIRE(schedule.w2() == ddim_spectrum_w2(eigenvalues, schedule.levels()));
    REQUIRE(schedule.w2() <= ddim_spectrum_w2(eigenvalues, CosineSchedule{.steps = steps}.levels()) * (1.0 + 1e-12));
    // Equal angles about any one variance, and the same sigma_T.
    for (const double lambda : {100.0, 3.0, 0.1}) {
      std::vector<double> sigmas;
      for (Index k = 0; k <= steps; ++k)
        sigmas.push_back(std::sqrt(lambda) *
                         std::tan(std::atan(sigma_T / std::sqrt(lambda)) * real(steps - k) / real(steps)));
      REQUIRE(schedule.w2() <=
              ddim_spectrum_w2(eigenvalues, CustomSchedule::from_sigmas(sigmas).levels()) * (1.0 + 1e-12));
    }
    double bound = 0.0;
    for (const double lambda : eigenvalues) {
      const double kept = std::pow(std::cos(std::atan(sigma_T / std::sqrt(lambda)) / real(steps)), real(steps));
      bound += lambda * (1.0 - kept) * (1.0 - kept);
    }
    REQUIRE(schedule.w2() >= std::sqrt(bound) * (1.0 - 1e-6));  // q < kept up to the factor of the finite sigma_T
    REQUIRE(schedule.w2() < previous);
    previous = schedule.w2();
  }
}

TEST_CASE("Scaling the eigenvalues and sigma_T scales every sigma of the optimum", "[schedule]") {
  // To the 1 / sigma_T^2 that the unit variance of x_T adds.
  const Vector<double> eigenvalues = power_law(30);
  for (const double c : {1e-4, 9.0, 1e4}) {
    const auto levels = SpectrumOptimalSchedule(eigenvalues, 12, 1e7).levels();
    const auto scaled = SpectrumOptimalSchedule(c * eigenvalues, 12, 1e7 * std::sqrt(c)).levels();
    for (Index k = 0; k < 12; ++k)
      REQUIRE(scaled[k].sigma() == Approx(std::sqrt(c) * levels[k].sigma()).epsilon(1e-8).margin(0.0));
  }
}

TEST_CASE("The optimum depends on neither the order of the modes nor on modes of no variance", "[schedule]") {
  const Vector<double> eigenvalues = power_law(20);
  const auto levels = SpectrumOptimalSchedule(eigenvalues, 10).levels();
  REQUIRE(SpectrumOptimalSchedule(eigenvalues, 10).levels() == levels);
  REQUIRE(SpectrumOptimalSchedule(eigenvalues.reverse(), 10).levels() == levels);
  Vector<double> longer = Vector<double>::Zero(27);
  longer.head(20) = eigenvalues;
  REQUIRE(SpectrumOptimalSchedule(longer, 10).levels() == levels);
  longer(25) = 1e-300;
  REQUIRE(SpectrumOptimalSchedule(longer, 10).levels() == levels);
  longer.tail(7).setConstant(1e-11);  // kept, but of no weight
  const auto with_tail = SpectrumOptimalSchedule(longer, 10).levels();
  for (Index k = 0; k < 10; ++k) REQUIRE(with_tail[k].sigma() == Approx(levels[k].sigma()).epsilon(1e-4));
}

TEST_CASE("A sigma_T so small that samples have too much variance still gives a schedule", "[schedule]") {
  // lambda < 1 and sigma_T near sqrt(lambda): x_T has variance 1 + sigma_T^2 where the data have lambda + sigma_T^2,
  // and long steps are wanted, which lose variance. With one mode the loss can be zero.
  for (const Index steps : {2, 5, 30}) {
    const SpectrumOptimalSchedule one(Vector<double>{{0.25}}, steps, 2.0);
    REQUIRE(one.levels().steps() == steps);
    REQUIRE(one.w2() <= ddim_spectrum_w2(Vector<double>{{0.25}}, CustomSchedule::from_sigmas({2.0, 0.0}).levels()));
    const SpectrumOptimalSchedule two(Vector<double>{{0.25, 0.01}}, steps, 1.0);
    REQUIRE(std::isfinite(two.w2()));
  }
}

/// The least W2 of Karras's levels from sigma_T, over rho and sigma_min.
template <class Rule>
double best_karras_w2(const Rule& rule, const Vector<double>& eigenvalues, Index steps, double sigma_T) {
  double best = std::numeric_limits<double>::infinity();
  for (double rho = 1.0; rho < 20.0; rho *= 1.1)
    for (double sigma_min = 1e-4; sigma_min < 4.0; sigma_min *= 1.2) {
      const KarrasSchedule schedule{.steps = steps, .sigma_min = sigma_min, .sigma_max = sigma_T, .rho = rho};
      best = std::min(best, spectrum_w2(rule, eigenvalues, schedule.levels()));
    }
  return best;
}

TEST_CASE("Levels are found for every rule that is predicted, and none of Karras's are better", "[schedule]") {
  const Vector<double> eigenvalues = power_law(60);
  const auto check = [&](const auto& rule, double gain_of_four, double gain_of_nine) {
    for (const Index steps : {4, 9}) {
      const double gain = steps == 4 ? gain_of_four : gain_of_nine;
      const SpectrumOptimalSchedule schedule(eigenvalues, steps, rule, 80.0);
      CAPTURE(rule.name(), steps);
      REQUIRE(schedule.levels().steps() == steps);
      REQUIRE(schedule.levels().sigma_T() == Approx(80.0));
      REQUIRE(schedule.w2() == spectrum_w2(rule, eigenvalues, schedule.levels()));
      REQUIRE(schedule.w2() <= gain * best_karras_w2(rule, eigenvalues, steps, 80.0));
      const NoiseLevels levels = schedule.levels();
      for (Index k = 1; k < steps; ++k)  // up to the width of the bins in which the spectrum is searched
        for (const double factor : {1.05, 0.95})
          REQUIRE(spectrum_w2(rule, eigenvalues, with_sigma(levels, k, factor).levels()) > schedule.w2());
    }
  };
  // What 300 searches from random levels found, relative to the best of Karras's, rounded up.
  check(Ddim{}, 0.943, 0.914);
  check(Heun{}, 0.936, 0.776);
  check(Ancestral{}, 0.901, 0.856);
  check(AdamsBashforth{.order = 2}, 0.928, 0.892);
  check(DpmSolver2M{}, 0.402, 0.003);
  check(DpmSolver2M{.eta = 1.0}, 0.413, 0.004);
}

TEST_CASE("A rule that extrapolates reproduces as many variances as it has free levels", "[schedule]") {
  // DDIM only loses variance. DPM-Solver++(2M) has six free levels for five groups of modes.
  const Vector<double> eigenvalues{{100.0, 10.0, 1.0, 0.1, 0.01}};
  const SpectrumOptimalSchedule schedule(eigenvalues, 7, DpmSolver2M{}, 80.0);
  REQUIRE(schedule.w2() < 1e-9);
  REQUIRE(trajectory_gains(DpmSolver2M{}, eigenvalues, schedule.levels()).minCoeff() > 0.0);
  REQUIRE(SpectrumOptimalSchedule(eigenvalues, 7, 80.0).w2() > 0.5);
}

/// A rule that turns a mode round, again and again, the longer its first step is in log sigma, and loses a little.
struct Turning {
  [[nodiscard]] std::string name() const { return "turning"; }
  [[nodiscard]] double stochasticity() const { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const { return 0.0; }
  template <Denoiser M>
  void advance(const M& /*model*/, StorageOf<M>& /*y*/, const StorageOf<M>& /*x0_hat*/, NoiseLevel /*level*/,
               NoiseLevel /*next*/) const {}
  [[nodiscard]] double mode_gain(double lambda, NoiseLevel level, NoiseLevel next) const {
    const double exact = exact_flow_gain(lambda, level, next);
    const double length = std::log(level.sigma() / next.sigma());
    return next.is_clean() ? exact : -std::cos(length) * std::exp(-length / 50.0) * exact;
  }
};

TEST_CASE("Levels at which a mode has the right variance and the wrong sign are not taken", "[schedule]") {
  // At a length of 2 pi the deviation is nearer to the exact one than at 3 pi, and the sample is mirrored. DDIM's
  // optimum, from which one search begins, has the length 2 pi for this mode.
  const Vector<double> eigenvalues{{0.0225}};
  const SpectrumOptimalSchedule schedule(eigenvalues, 2, Turning{}, 80.0);
  REQUIRE(trajectory_gains(Turning{}, eigenvalues, schedule.levels())(0) > 0.0);
}

TEST_CASE("Many levels are searched as few first, and are no worse", "[schedule]") {
  const Vector<double> eigenvalues = power_law(6);
  const SpectrumOptimalSchedule few(eigenvalues, 40, AdamsBashforth{.order = 2}, 80.0);
  const SpectrumOptimalSchedule many(eigenvalues, 60, AdamsBashforth{.order = 2}, 80.0);
  REQUIRE(many.levels().steps() == 60);
  REQUIRE(many.w2() < few.w2());
}

TEST_CASE("Where every schedule is exact, and where there is no free level, a schedule is still made", "[schedule]") {
  const Vector<double> eigenvalues = power_law(5);
  const double sigma_T = 1e6;
  REQUIRE(SpectrumOptimalSchedule(eigenvalues, 6, VarianceExactDdim{}, sigma_T).w2() < 1e-9);
  REQUIRE(SpectrumOptimalSchedule(eigenvalues, 1, Heun{}, sigma_T).levels().sigmas() ==
          SpectrumOptimalSchedule(eigenvalues, 1, sigma_T).levels().sigmas());
}

TEST_CASE("A rule with a parameter out of range is refused as when a step is taken", "[schedule]") {
  REQUIRE_THAT(test::message_of<InvalidArgument>(
                   [] { return SpectrumOptimalSchedule(power_law(3), 4, AdamsBashforth{.order = 9}); }),
               ContainsSubstring("AdamsBashforth: order = 9"));
}

TEST_CASE("Levels are variance preserving and end clean", "[schedule]") {
  const SpectrumOptimalSchedule schedule(power_law(10), 6);
  REQUIRE(schedule.name() == "SpectrumOptimalSchedule");
  const NoiseLevels levels = schedule.levels();
  for (const NoiseLevel& level : levels) REQUIRE(level.scale() == Approx(1.0).epsilon(1e-15));
  REQUIRE(levels[6] == NoiseLevel{1.0, 0.0});
}

TEST_CASE("Spectra and parameters out of range are refused", "[schedule]") {
  const auto refusal = [](const Vector<double>& eigenvalues, Index steps, double sigma_T = 100.0) {
    return test::message_of<InvalidArgument>([&] { return SpectrumOptimalSchedule(eigenvalues, steps, sigma_T); });
  };
  const Vector<double> good{{2.0, 1.0}};
  REQUIRE(refusal(Vector<double>(0), 5) == "SpectrumOptimalSchedule: no eigenvalues");
  REQUIRE(refusal(Vector<double>{{1.0, -0.5}}, 5) ==
          "SpectrumOptimalSchedule: eigenvalue 1 is -0.5, expected a finite value >= 0");
  REQUIRE_THAT(refusal(Vector<double>{{std::nan(""), 1.0}}, 5), ContainsSubstring("eigenvalue 0 is nan"));
  REQUIRE_THAT(refusal(Vector<double>{{std::numeric_limits<double>::infinity()}}, 5), ContainsSubstring("is inf"));
  REQUIRE_THAT(refusal(Vector<double>::Zero(3), 5), ContainsSubstring("every eigenvalue is zero"));
  REQUIRE(refusal(good, 0) == "SpectrumOptimalSchedule: steps = 0, expected at least 1");
  for (const double sigma_T : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    REQUIRE(refusal(good, 5, sigma_T) ==
            detail::concat("SpectrumOptimalSchedule: sigma_T = ", sigma_T, ", expected a finite sigma_T > 0"));
}

}  // namespace
}  // namespace diffarch
