#include "diffarch/analysis/kullback_leibler.hpp"

#include <Eigen/LU>
#include <cmath>
#include <limits>
#include <numbers>

#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;

/// A Gaussian as a mixture of one component.
GaussianMixture<double> one_gaussian(const Vector<double>& mean, const Matrix<double>& covariance) {
  return {Vector<double>{{1.0}}, mean, {covariance}};
}

/// KL(N(m, A) || N(k, B)) in closed form.
double divergence_of_gaussians(const Vector<double>& m, const Matrix<double>& a, const Vector<double>& k,
                               const Matrix<double>& b) {
  const Matrix<double> inverse = b.inverse();
  return 0.5 * ((inverse * a).trace() + (k - m).dot(inverse * (k - m)) - test::real(m.size()) +
                std::log(b.determinant() / a.determinant()));
}

/// Levels from pure noise to sigma = 0.25, in equal angles.
NoiseLevels levels_from_pure_noise() {
  std::vector<NoiseLevel> levels{{0.0, 1.0}};
  const double last = std::atan(0.25);
  for (Index k = 1; k < 30; ++k) {
    const double angle = 0.5 * std::numbers::pi + (last - 0.5 * std::numbers::pi) * test::real(k) / 29.0;
    levels.push_back({std::cos(angle), std::sin(angle)});
  }
  levels.push_back({});
  return NoiseLevels(std::move(levels));
}

auto with_noise_of(const GaussianMixture<double>& target, const NoiseLevels& levels) {
  return [noisy = target.with_noise(levels.last_sigma())](const Batch<double>& x) { return noisy.log_density(x); };
}

TEST_CASE("The divergence of two Gaussians is their closed form", "[analysis][likelihood]") {
  const Vector<double> m{{0.5, -1.0}};
  const Matrix<double> a{{2.0, 0.6}, {0.6, 0.5}};
  const Vector<double> k{{0.0, -0.5}};
  const Matrix<double> b{{1.0, -0.2}, {-0.2, 0.8}};
  const NoiseLevels levels = levels_from_pure_noise();
  const double squared = levels.last_sigma() * levels.last_sigma();
  const Matrix<double> noise = squared * Matrix<double>::Identity(2, 2);
  const double expected = divergence_of_gaussians(m, a + noise, k, b + noise);
  const auto model = fit(Linear{}, GaussianMoments<double>(m, a), CosineSchedule{});
  constexpr Index n = 4000;
  const FlowSamples<double> generated = flow_samples(model, levels, n, Seed{1});
  const auto target = with_noise_of(one_gaussian(k, b), levels);
  const KullbackLeibler measured = kullback_leibler(generated, target);
  CHECK(expected > 0.3);
  CHECK(measured.standard_error < 0.03);
  CHECK(std::abs(measured.value - expected) < 4.0 * measured.standard_error);
  // By a flow that is integrated for the samples: the same to the error of the steps.
  const KullbackLeibler again = kullback_leibler(model, levels, generated.samples.leftCols(200), target);
  const Vector<double> of_target = target(generated.samples.leftCols(200));
  const KullbackLeibler first = kullback_leibler(generated.likelihood.log_density.head(200), of_target);
  CHECK(again.value == Approx(first.value).margin(1e-4));
  CHECK(again.standard_error == Approx(first.standard_error).epsilon(1e-3));
  // With an estimated divergence the value is as unbiased, and the standard error larger.
  const KullbackLeibler estimated = kullback_leibler(
      flow_samples(model, levels, n, Seed{1}, {.divergence = Divergence::estimated, .probes = 2}), target);
  CHECK(std::abs(estimated.value - expected) < 4.0 * estimated.standard_error);
  CHECK(estimated.standard_error > measured.standard_error);
}

TEST_CASE("A model generates its own distribution: the divergence is 0 up to the steps", "[analysis][likelihood]") {
  const GaussianMixture<double> mixture = three_component_mixture();
  const auto model = fit(GaussianMixtureScore{}, mixture, CosineSchedule{});
  const NoiseLevels levels = levels_from_pure_noise();
  const FlowSamples<double> generated = flow_samples(model, levels, 200, Seed{2}, {.substeps = 2});
  const KullbackLeibler measured = kullback_leibler(generated, with_noise_of(mixture, levels));
  // No sampling error either: the two log densities agree sample by sample.
  CHECK(std::abs(measured.value) < 1e-4);
  CHECK(measured.standard_error < 1e-4);
}

TEST_CASE("The divergence of a Gaussian to a mixture is that of quadrature", "[analysis][likelihood]") {
  const GaussianMixture<double> mixture = two_component_mixture();
  const NoiseLevels levels = levels_from_pure_noise();
  const Matrix<double> unit = Matrix<double>::Identity(2, 2);
  const auto model = fit(Linear{}, GaussianMoments<double>(Vector<double>::Zero(2), unit), CosineSchedule{});
  const double variance = 1.0 + levels.last_sigma() * levels.last_sigma();
  const GaussianMixture<double> noisy = mixture.with_noise(levels.last_sigma());
  double expected = 0.0;
  constexpr double step = 0.05;
  for (Index i = -160; i <= 160; ++i) {
    Batch<double> line(2, 321);
    for (Index j = 0; j < 321; ++j) line.col(j) << step * test::real(i), step * test::real(j - 160);
    const Eigen::ArrayXd log_normal = -0.5 * line.colwise().squaredNorm().transpose().array() / variance -
                                      std::log(2.0 * std::numbers::pi * variance);
    expected += step * step * (log_normal.exp() * (log_normal - noisy.log_density(line).array())).sum();
  }
  const KullbackLeibler measured =
      kullback_leibler(flow_samples(model, levels, 4000, Seed{3}), with_noise_of(mixture, levels));
  CHECK(expected > 0.1);
  CHECK(std::abs(measured.value - expected) < 4.0 * measured.standard_error);
  CHECK(measured.standard_error < 0.1 * expected);
}

TEST_CASE("Mean and standard error are those of the differences", "[analysis][likelihood]") {
  const KullbackLeibler result = kullback_leibler(Vector<double>{{1.0, 2.0, 6.0}}, Vector<double>{{0.0, 0.0, 0.0}});
  CHECK(result.value == Approx(3.0).epsilon(1e-15));
  CHECK(result.standard_error == Approx(std::sqrt(7.0 / 3.0)).epsilon(1e-15));  // variance 7 of 3 values
}

TEST_CASE("Divergences that cannot be estimated are refused", "[analysis][likelihood]") {
  const Vector<double> two{{1.0, 2.0}};
  CHECK(message_of<DimensionMismatch>([&] { (void)kullback_leibler(two, Vector<double>{{1.0}}); }) ==
        "kullback_leibler: 2 log densities of the first and 1 of the second distribution");
  CHECK(message_of<InvalidArgument>([&] { (void)kullback_leibler(Vector<double>{{1.0}}, Vector<double>{{1.0}}); }) ==
        "kullback_leibler: 1 samples; expected at least 2");
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(message_of<NumericalError>([&] {
          (void)kullback_leibler(two, Vector<double>{{0.0, -infinity}});
        }) == "kullback_leibler: the log densities of sample 1 are 2 and -inf, expected finite numbers");
  const auto model = fit(Linear{}, test::correlated_samples(2, 40, 4), CosineSchedule{});
  const auto short_target = [](const Batch<double>& x) { return Vector<double>(Vector<double>::Zero(x.cols() - 1)); };
  CHECK(message_of<DimensionMismatch>([&] {
          (void)kullback_leibler(model, levels_from_pure_noise(), test::random_matrix(2, 3, 1), short_target);
        }) == "kullback_leibler: 3 log densities of the first and 2 of the second distribution");
}

}  // namespace
}  // namespace diffarch
