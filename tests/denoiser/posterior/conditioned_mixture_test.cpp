#include "diffarch/denoiser/posterior/conditioned_mixture.hpp"

#include <cmath>

#include "diffarch/denoiser/gaussian/conditioned_gaussian.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;

TEST_CASE("A conditioned mixture is Bayes' rule by numerical integration", "[denoiser][mixture]") {
  const GaussianMixture<double> prior = three_component_mixture();
  const LinearMeasurement measurement{Matrix<double>{{0.8, -0.5}}, Vector<double>::Constant(1, 0.3), 0.4};
  const GaussianMixture<double> posterior = conditioned(prior, measurement);
  // p(x | m) = p(x) N(m; A x, s^2) / p(m), with p(m) by the trapezoidal rule.
  constexpr Index side = 401;
  constexpr double half_width = 6.0;
  const double step = 2.0 * half_width / (side - 1);
  Batch<double> grid(2, side * side);
  for (Index i = 0; i < side; ++i)
    for (Index j = 0; j < side; ++j)
      grid.col(i * side + j) << step * test::real(i) - half_width, step * test::real(j) - half_width;
  const Vector<double> residual = (Matrix<double>(measurement.matrix * grid).array() - 0.3).matrix().transpose() / 0.4;
  const Vector<double> joint = prior.density(grid).array() * (-0.5 * residual.array().square()).exp();
  const Vector<double> expected = joint / (joint.sum() * step * step);
  REQUIRE((posterior.density(grid) - expected).cwiseAbs().maxCoeff() < 1e-10);
}

TEST_CASE("One component is the conditioned Gaussian", "[denoiser][mixture]") {
  const Matrix<double> factor = random_matrix(5, 5, 1);
  const Matrix<double> covariance = factor * factor.transpose();
  const Vector<double> mean = random_matrix(5, 1, 2);
  const ElementMeasurement measurement{{1, 4}, Vector<double>{{0.5, -0.2}}};
  const GaussianMixture<double> mixture(Vector<double>::Ones(1), mean, {covariance});
  const auto of_mixture = fit(GaussianMixtureScore{}, conditioned(mixture, measurement), CosineSchedule{});
  const auto of_gaussian =
      conditioned(fit(Linear{}, GaussianMoments<double>(mean, covariance), CosineSchedule{}), measurement);
  const Batch<double> y = random_matrix(5, 4, 3);
  for (const NoiseLevel level : {NoiseLevel::from_sigma(0.2), NoiseLevel::from_alpha_bar(0.1)})
    REQUIRE(test::relative_difference(of_mixture.denoise(y, level), of_gaussian.denoise(y, level)) < 1e-10);
}

TEST_CASE("Components that a measurement excludes are left out", "[denoiser][mixture]") {
  Matrix<double> means(1, 2);
  means << -50.0, 50.0;
  const Matrix<double> unit = Matrix<double>::Identity(1, 1);
  const GaussianMixture<double> mixture(Vector<double>{{0.5, 0.5}}, means, {unit, unit});
  const GaussianMixture<double> posterior =
      conditioned(mixture, ElementMeasurement{{0}, Vector<double>::Constant(1, 49.0), 1.0});
  REQUIRE(posterior.components() == 1);
  REQUIRE(posterior.means()(0, 0) == Approx(49.5));
  REQUIRE(posterior.covariances()[0](0, 0) == Approx(0.5));
  REQUIRE(message_of<DimensionMismatch>([&] {
            (void)conditioned(mixture, ElementMeasurement{{1}, Vector<double>::Zero(1), 1.0});
          }) == "measurement: element 1 of samples of dimension 1");
}

}  // namespace
}  // namespace diffarch
