#include "diffarch/analysis/probability_flow.hpp"

#include <Eigen/LU>
#include <cmath>
#include <limits>

#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/exact_flow.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;

/// The same levels in VP coordinates.
NoiseLevels in_vp_coordinates(const NoiseLevels& levels) {
  std::vector<NoiseLevel> result;
  for (const NoiseLevel& level : levels) result.push_back(level.variance_preserving());
  return NoiseLevels(std::move(result));
}

/// What a run of the flow makes of u, and the integral of the divergence.
struct FlowRun {
  Batch<double> u;
  Matrix<double> integral;

  template <class Model>
  FlowRun(const Model& model, const NoiseLevels& levels, const FlowOptions& options, Batch<double> start,
          bool towards_noise)
      : u(std::move(start)),
        integral(detail::ProbabilityFlow<Model>("run", model, levels, options).run(u, 0, towards_noise)) {}
};

TEST_CASE("The flow is the exact flow of the linear family, to fourth order in both directions", "[analysis][flow]") {
  const Batch<double> data = test::correlated_samples(6, 40, 4);
  const Batch<double> start = test::random_matrix(6, 5, 1);
  const auto model = fit(Linear{}, data, KarrasSchedule{});
  for (const NoiseLevels& levels : {KarrasSchedule{.steps = 12, .sigma_min = 0.02}.levels(),
                                    in_vp_coordinates(KarrasSchedule{.steps = 12, .sigma_min = 0.02}.levels()),
                                    CosineSchedule{.steps = 12}.levels()}) {
    const NoiseLevel largest = levels[0].variance_preserving();
    const NoiseLevel smallest = levels[levels.steps() - 1].variance_preserving();
    // log det of the map of z from the smallest to the largest noise: sum log((lambda + s_T^2) / (lambda + s^2)) / 2;
    // of u = z / sqrt(1 + sigma^2) it is less by d log of the ratio of these roots.
    double log_determinant = 6.0 * std::log(largest.signal / smallest.signal);
    for (const double lambda : model.eigenvalues())
      log_determinant +=
          0.5 * std::log((lambda + largest.sigma() * largest.sigma()) / (lambda + smallest.sigma() * smallest.sigma()));
    for (const bool towards_noise : {true, false}) {
      const NoiseLevel from = towards_noise ? smallest : largest;
      const NoiseLevel to = towards_noise ? largest : smallest;
      const Batch<double> exact = exact_flow(model, start, from, to);
      Vector<double> errors(3);
      for (Index i = 0; i < 3; ++i) {
        const FlowRun run(model, levels, {.substeps = Index{4} << i}, start, towards_noise);
        errors(i) = test::relative_difference(run.u, exact);
        if (i == 2) {
          CHECK(run.integral.rows() == 1);
          CHECK((run.integral.array() - log_determinant).abs().maxCoeff() < 1e-7);
        }
      }
      // Twice the steps leave 1 / 16 of the error of a fourth-order method, until rounding is left.
      CHECK(errors(2) < 1e-7);
      CHECK(errors(0) / errors(1) == Approx(16.0).epsilon(0.15));
      CHECK(errors(1) / errors(2) == Approx(16.0).epsilon(0.15));
    }
  }
}

TEST_CASE("A part that stops noisy is followed to its last level", "[analysis][flow]") {
  const Batch<double> data = test::correlated_samples(4, 40, 4);
  const Batch<double> start = test::random_matrix(4, 3, 1);
  const auto model = fit(Linear{}, data, KarrasSchedule{});
  const NoiseLevels whole = KarrasSchedule{.steps = 12, .sigma_min = 0.02}.levels();
  const FlowRun to_the_end(model, whole, {}, start, true);
  // All noisy levels, without the clean one behind them.
  const FlowRun part(model, whole.part(0, 11), {}, start, true);
  CHECK(part.u == to_the_end.u);
  CHECK(part.integral == to_the_end.integral);
  const FlowRun shorter(model, whole.part(0, 5), {.substeps = 8}, start, true);
  CHECK(test::relative_difference(shorter.u, exact_flow(model, start, whole[5].variance_preserving(),
                                                        whole[0].variance_preserving())) < 1e-6);
}

TEST_CASE("A flow there and back again is where it started, by the same divergence", "[analysis][flow]") {
  const Matrix<double> a = test::random_matrix(3, 3, 2);
  const auto model = make_denoiser<double>(3, [&](const Batch<double>& y, NoiseLevel level) -> Batch<double> {
    return (a * y / level.scale()).array().tanh().matrix();
  });
  std::vector<NoiseLevel> levels{{0.0, 1.0}};  // pure noise
  for (Index k = 1; k < 20; ++k) levels.push_back(NoiseLevel::from_alpha_bar(test::real(k) / 20.0));
  levels.push_back({});
  const Batch<double> start = test::random_matrix(3, 4, 3);
  const FlowOptions options{.substeps = 16};
  const FlowRun up(model, NoiseLevels(levels), options, start, true);
  const FlowRun down(model, NoiseLevels(levels), options, up.u, false);
  CHECK((up.u - start).cwiseAbs().maxCoeff() > 0.1);
  CHECK((down.u - start).cwiseAbs().maxCoeff() < 1e-8);
  CHECK((down.integral - up.integral).cwiseAbs().maxCoeff() < 1e-7);
  // The integral is the log determinant of the map, here by differences of neighbouring starts.
  constexpr double h = 1e-4;
  Batch<double> neighbours(3, 6);
  for (Index k = 0; k < 3; ++k) {
    neighbours.col(k) = start.col(0) + h * Vector<double>::Unit(3, k);
    neighbours.col(3 + k) = start.col(0) - h * Vector<double>::Unit(3, k);
  }
  const FlowRun around(model, NoiseLevels(levels), options, neighbours, true);
  const Matrix<double> j = (around.u.leftCols(3) - around.u.rightCols(3)) / (2.0 * h);
  CHECK(std::log(std::abs(j.determinant())) == Approx(up.integral(0, 0)).epsilon(1e-6));
}

TEST_CASE("The divergence is exact or estimated as the options say", "[analysis][flow]") {
  const auto zero = [](Index d) {
    return make_denoiser<double>(d, [](const Batch<double>& y, NoiseLevel) -> Batch<double> { return 0.0 * y; });
  };
  const NoiseLevels levels = KarrasSchedule{.steps = 3}.levels();
  const auto rows = [&](Index d, Divergence divergence) {
    const FlowOptions options{.divergence = divergence, .probes = 3};
    return FlowRun(zero(d), levels, options, Batch<double>::Ones(d, 1), true).integral.rows();
  };
  CHECK(rows(32, Divergence::automatic) == 1);
  CHECK(rows(33, Divergence::automatic) == 3);
  CHECK(rows(33, Divergence::exact) == 1);
  CHECK(rows(2, Divergence::estimated) == 3);
  // A model with a spectrum has an exact trace in any dimension.
  const auto linear = fit(Linear{}, test::random_matrix(40, 50, 5), KarrasSchedule{});
  CHECK(FlowRun(linear, levels, {}, Batch<double>::Ones(40, 1), true).integral.rows() == 1);
}

/// Predictions that are numbers of the scalar, and that the trajectory follows beyond these.
struct RunningAway {
  using Scalar = float;
  using BackendType = Cpu;
  [[nodiscard]] Index dimension() const { return 2; }
  [[nodiscard]] Batch<float> denoise(const Batch<float>& y, NoiseLevel /*level*/) const {
    return Batch<float>::Constant(2, y.cols(), -3e38F);
  }
  [[nodiscard]] Matrix<double> jacobian(const Batch<float>& /*y*/, NoiseLevel /*level*/) const {
    return Matrix<double>::Zero(2, 2);
  }
};

TEST_CASE("A flow that cannot be followed is refused", "[analysis][flow]") {
  const NoiseLevels levels = KarrasSchedule{.steps = 5}.levels();
  const auto linear = fit(Linear{}, test::correlated_samples(2, 40, 4), KarrasSchedule{});
  const auto complaint = [&](const FlowOptions& options) {
    return message_of<InvalidArgument>([&] { FlowRun(linear, levels, options, Batch<double>::Ones(2, 1), true); });
  };
  CHECK(complaint({.substeps = 0}) == "run: substeps = 0, expected at least 1");
  CHECK(complaint({.divergence = Divergence::estimated, .probes = 1}) == "run: probes = 1, expected at least 2");
  CHECK(complaint({.probes = 1}) == "no exception");  // not asked
  CHECK(complaint({.first_sample = -1}) == "run: first_sample = -1, expected >= 0");
  CHECK(message_of<InvalidArgument>([&] {
          FlowRun(linear, NoiseLevels({{0.0, 1.0}, {}}), {}, Batch<double>::Ones(2, 1), true);
        }) ==
        "run: the only noisy level is pure noise (alpha_bar = 0); expected one of finite sigma before the clean one");
  // The prediction of sample 1 is infinite from sigma = 10 on.
  const auto breaking = make_denoiser<double>(2, [](const Batch<double>& y, NoiseLevel level) -> Batch<double> {
    Batch<double> x0_hat = 0.5 * y;
    if (level.sigma() > 10.0 && y.cols() == 2) x0_hat(0, 1) = std::numeric_limits<double>::infinity();
    return x0_hat;
  });
  const NoiseLevels few({NoiseLevel::from_sigma(20.0), NoiseLevel::from_sigma(5.0), NoiseLevel::from_sigma(1.0), {}});
  CHECK(message_of<NumericalError>([&] { FlowRun(breaking, few, {}, Batch<double>::Ones(2, 2), true); }) ==
        "run: x0_hat is not finite between levels 1 and 2 of 3 (sigma = 20) for sample 1");
  CHECK(message_of<NumericalError>([&] { FlowRun(RunningAway{}, few, {}, Batch<double>::Ones(2, 1), true); }) ==
        "run: y is not finite between levels 2 and 3 of 3 (sigma = 5) for sample 0");
}

}  // namespace
}  // namespace diffarch
