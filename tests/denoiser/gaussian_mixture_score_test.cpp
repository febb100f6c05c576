#include "diffarch/denoiser/gaussian_mixture_score.hpp"

#include <cmath>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::denoise_on;
using test::message_of;
using test::random_matrix;
using test::relative_difference;
using test::TestedBackend;

TEST_CASE("GaussianMixtureScore is the posterior mean by numerical integration", "[denoiser][mixture]") {
  const GaussianMixture<double> mixture = three_component_mixture();
  const auto model = fit(GaussianMixtureScore{}, mixture, CosineSchedule{}, TestedBackend{});
  const NoiseLevel level = NoiseLevel::from_sigma(0.6).variance_preserving();
  const Batch<double> y{{0.3, -1.0, 0.0}, {-0.2, 0.5, 2.0}};
  // Bayes' rule on a grid; the trapezoidal rule converges exponentially for these smooth, rapidly falling integrands.
  constexpr Index side = 601;
  constexpr double half_width = 6.0;
  Batch<double> grid(2, side * side);
  for (Index i = 0; i < side; ++i)
    for (Index j = 0; j < side; ++j)
      grid.col(i * side + j) << half_width * (2.0 * test::real(i) / (side - 1) - 1.0),
          half_width * (2.0 * test::real(j) / (side - 1) - 1.0);
  const Vector<double> prior = mixture.density(grid);
  for (Index column = 0; column < y.cols(); ++column) {
    const Vector<double> weights =
        prior.array() * ((-0.5 / (level.noise * level.noise)) *
                         (y.col(column).replicate(1, side * side) - level.signal * grid).colwise().squaredNorm())
                            .transpose()
                            .array()
                            .exp();
    const Vector<double> mean = grid * weights / weights.sum();
    const Matrix<double> covariance =
        grid * weights.asDiagonal() * grid.transpose() / weights.sum() - mean * mean.transpose();
    REQUIRE((denoise_on(model, y, level).col(column) - mean).cwiseAbs().maxCoeff() < 1e-11);
    REQUIRE((model.posterior_covariance(y.col(column), level) - covariance).cwiseAbs().maxCoeff() < 1e-11);
  }
}

TEST_CASE("The Jacobian of GaussianMixtureScore is the derivative of its prediction", "[denoiser][mixture]") {
  // Three full covariances in four dimensions, one of them singular.
  std::vector<Matrix<double>> covariances;
  for (unsigned k = 0; k < 3; ++k) {
    const Matrix<double> factor = random_matrix(4, k == 2 ? 2 : 4, 10 + k);
    covariances.push_back(factor * factor.transpose());
  }
  const GaussianMixture<double> mixture(Vector<double>{{0.2, 0.5, 0.3}}, random_matrix(4, 3, 13), covariances);
  const auto model = fit(GaussianMixtureScore{}, mixture, CosineSchedule{}, TestedBackend{});
  const NoiseLevel level = NoiseLevel::from_sigma(0.8).variance_preserving();
  const Batch<double> y = random_matrix(4, 1, 14);
  constexpr double h = 1e-5;
  Matrix<double> differences(4, 4);
  for (Index i = 0; i < 4; ++i) {
    const Batch<double> step = h * Batch<double>::Identity(4, 4).col(i);
    differences.col(i) = (denoise_on(model, y + step, level) - denoise_on(model, y - step, level)) / (2.0 * h);
  }
  REQUIRE(relative_difference(model.jacobian(y, level), differences) < 1e-8);
}

TEST_CASE("With one component GaussianMixtureScore is the linear denoiser of its moments", "[denoiser][mixture]") {
  const Matrix<double> factor = random_matrix(5, 3, 20);
  const Matrix<double> covariance = factor * factor.transpose();
  const Matrix<double> mean = random_matrix(5, 1, 21);
  const auto mixture = fit(GaussianMixtureScore{}, GaussianMixture<double>(Vector<double>{{1.0}}, mean, {covariance}),
                           CosineSchedule{}, TestedBackend{});
  const auto linear =
      fit(Linear{}, GaussianMoments<double>(mean.col(0), covariance), CosineSchedule{}, TestedBackend{});
  const Batch<double> y = random_matrix(5, 7, 22);
  for (const NoiseLevel level :
       {NoiseLevel::from_sigma(0.1), NoiseLevel::from_sigma(3.0), NoiseLevel::from_alpha_bar(0.0)})
    REQUIRE((denoise_on(mixture, y, level) - denoise_on(linear, y, level)).cwiseAbs().maxCoeff() < 1e-12);
  REQUIRE(denoise_on(mixture, y, NoiseLevel::from_sigma(0.0)) == y);
}

TEST_CASE("A sampler is fitted to a Gaussian mixture itself", "[denoiser][mixture]") {
  const GaussianMixture<double> mixture = three_component_mixture<double>();
  DiffusionSampler<GaussianMixtureScore, CosineSchedule, TestedBackend, Ddim, double> sampler{GaussianMixtureScore{}};
  sampler.fit(mixture);
  STATIC_REQUIRE(std::is_same_v<decltype(sampler)::Model, GaussianMixtureDenoiser<double, TestedBackend>>);
  // The same as with the model made by hand.
  const CosineSchedule schedule;
  auto by_hand = sampler;
  by_hand.set_model(fit(GaussianMixtureScore{}, mixture, schedule, TestedBackend{}));
  const Batch<double> samples = sampler.sample(5, Seed{1});
  REQUIRE(samples.allFinite());
  REQUIRE(test::bitwise_equal(samples, by_hand.sample(5, Seed{1})));
}

TEST_CASE("GaussianMixtureScore says what it cannot do", "[denoiser][mixture]") {
  const auto model = fit(GaussianMixtureScore{}, three_component_mixture(), CosineSchedule{}, TestedBackend{});
  const NoiseLevel level = NoiseLevel::from_sigma(1.0);
  REQUIRE(message_of<DimensionMismatch>([&] { return denoise_on(model, random_matrix(3, 2, 1), level); }) ==
          "denoise: y is (3, 2) but the model has dimension 2");
  REQUIRE(message_of<InvalidArgument>([&] { return model.jacobian(random_matrix(2, 2, 1), level); }) ==
          "posterior_covariance: y is (2, 2); expected one sample");
}

}  // namespace
}  // namespace diffarch
