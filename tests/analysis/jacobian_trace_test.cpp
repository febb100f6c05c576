#include "diffarch/analysis/jacobian_trace.hpp"

#include <limits>

#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;

const NoiseLevel traced_level = NoiseLevel::from_sigma(0.7).variance_preserving();

TEST_CASE("The trace of a Jacobian is that of the whole matrix", "[analysis][jacobian]") {
  const Batch<double> x = test::correlated_samples(6, 40, 4);
  const auto linear = fit(Linear{}, x, CustomSchedule::from_sigmas({0.7, 0.0}));
  const Batch<double> y = random_matrix(6, 1, 5);
  CHECK(jacobian_trace(linear, y, traced_level) ==
        Approx(jacobian(linear, y, traced_level).diagonal().sum()).epsilon(1e-13));
  const auto mixture = fit(GaussianMixtureScore{}, three_component_mixture(), CustomSchedule::from_sigmas({0.7, 0.0}));
  const Batch<double> point{{0.3}, {-0.5}};
  const Matrix<double> j = mixture.jacobian(point, traced_level);
  CHECK(jacobian_trace(mixture, point, traced_level) == Approx(j(0, 0) + j(1, 1)).epsilon(1e-13));
  // By differences: D(y) = sin(A y) has the trace sum cos((A y)_i) A_ii.
  const Matrix<double> a = random_matrix(6, 6, 6);
  const auto sine = make_denoiser<double>(
      6, [&](const Batch<double>& at, NoiseLevel) -> Batch<double> { return (a * at).array().sin().matrix(); });
  CHECK(jacobian_trace(sine, y, traced_level) ==
        Approx((a * y).col(0).array().cos().matrix().dot(a.diagonal())).epsilon(1e-8));
}

TEST_CASE("Forms are v^T J v, by whatever means a model has", "[analysis][jacobian]") {
  const auto mixture = fit(GaussianMixtureScore{}, three_component_mixture(), CustomSchedule::from_sigmas({0.7, 0.0}));
  const Batch<double> point{{0.3}, {-0.5}};
  const Matrix<double> v = random_matrix(2, 5, 7);
  const auto forms_of = [&](const auto& model) {
    const Matrix<double> j = jacobian(model, point, traced_level);
    return Vector<double>((v.transpose() * j * v).diagonal());
  };
  CHECK(test::relative_difference(jacobian_forms(mixture, point, v, traced_level), forms_of(mixture)) < 1e-13);
  // A network, whose Jacobian is made of backward passes: by differences.
  using Network = NetworkDenoiser<nn::TwoDMlp<double>>;
  std::vector<Network::Level> levels;
  levels.push_back({traced_level, std::make_unique<Network::Network>(nn::TwoDMlp<double>(2), ImageShape{1, 1, 2})});
  levels.front().network->initialise(Seed{8});
  const Network network(std::move(levels));
  const Vector<double> of_network = forms_of(network);
  CHECK(of_network.cwiseAbs().maxCoeff() > 1e-3);
  CHECK(test::relative_difference(jacobian_forms(network, point, v, traced_level), of_network) < 1e-8);
}

TEST_CASE("Probes are signs, a function of seed and sample, and estimate traces as Hutchinson says", "[analysis]") {
  const Index d = 5;
  const Matrix<double> v = trace_probes(d, 400, Seed{1}, 3);
  CHECK(v.cwiseAbs() == Matrix<double>::Ones(d, 400));
  CHECK(trace_probes(d, 7, Seed{1}, 3) == v.leftCols(7));
  CHECK(trace_probes(d, 400, Seed{1}, 4) != v);
  CHECK(trace_probes(d, 400, Seed{2}, 3) != v);
  const Matrix<double> factor = random_matrix(d, d, 9);
  const Matrix<double> a = factor + factor.transpose();
  const auto model =
      make_denoiser<double>(d, [&](const Batch<double>& at, NoiseLevel) -> Batch<double> { return a * at; });
  const Index n = 4000;
  const Vector<double> forms =
      jacobian_forms(model, random_matrix(d, 1, 10), trace_probes(d, n, Seed{3}, 0), traced_level);
  const double variance = 2.0 * (a.squaredNorm() - a.diagonal().squaredNorm());
  // 5 standard errors of the mean; the variance of n values of bounded kurtosis is within 10 %.
  CHECK(std::abs(forms.mean() - a.trace()) < 5.0 * std::sqrt(variance / test::real(n)));
  CHECK((forms.array() - forms.mean()).square().mean() == Approx(variance).epsilon(0.1));
}

TEST_CASE("Traces that cannot be taken are refused", "[analysis][jacobian]") {
  const auto linear = fit(Linear{}, test::correlated_samples(6, 40, 4), CustomSchedule::from_sigmas({0.7, 0.0}));
  CHECK(message_of<DimensionMismatch>([&] { (void)jacobian_trace(linear, random_matrix(6, 2, 1), traced_level); }) ==
        "jacobian: y is (6, 2), expected (6, 1)");
  CHECK(message_of<InvalidArgument>([&] {
          (void)jacobian_trace(linear,
                               Batch<double>(Batch<double>::Constant(6, 1, std::numeric_limits<double>::quiet_NaN())),
                               traced_level);
        }) == "jacobian: y holds a value that is not finite");
  CHECK(message_of<DimensionMismatch>([&] {
          (void)jacobian_forms(linear, random_matrix(6, 1, 1), random_matrix(5, 2, 1), traced_level);
        }) == "jacobian: the directions are (5, 2), expected (6, k)");
  CHECK(message_of<InvalidArgument>([&] { (void)trace_probes(0, 2, Seed{}, 0); }) ==
        "trace_probes: d = 0, probes = 2, sample = 0; expected d >= 1, probes >= 1, sample >= 0");
  CHECK(message_of<InvalidArgument>([&] { (void)trace_probes(2, 0, Seed{}, -1); }) ==
        "trace_probes: d = 2, probes = 0, sample = -1; expected d >= 1, probes >= 1, sample >= 0");
}

}  // namespace
}  // namespace diffarch
