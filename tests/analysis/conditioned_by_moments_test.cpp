#include "diffarch/analysis/conditioned_by_moments.hpp"

#include <Eigen/LU>

#include "diffarch/core/check_denoiser.hpp"
#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/denoiser/gaussian/conditioned_gaussian.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/karras.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::relative_difference;

auto fitted_gaussian() { return fit(Linear{}, test::correlated_samples(6, 40, 1), KarrasSchedule{}); }

TEST_CASE("For a Gaussian the moments give its exact conditional mean", "[analysis]") {
  const auto model = fitted_gaussian();
  const Batch<double> y = random_matrix(6, 4, 2);
  const LinearMeasurement noisy{random_matrix(2, 6, 3), random_matrix(2, 1, 4), 0.3};
  const ElementMeasurement exact{{1, 4}, random_matrix(2, 1, 5)};
  const auto check = [&](const auto& measurement) {
    const auto by_moments = conditioned_by_moments(model, measurement);
    const auto in_closed_form = conditioned(model, measurement);
    for (const NoiseLevel level :
         {NoiseLevel::from_sigma(0.2), NoiseLevel::from_sigma(20.0), NoiseLevel::from_alpha_bar(0.4)})
      REQUIRE(relative_difference(by_moments.denoise(y, level), in_closed_form.denoise(y, level)) < 1e-9);
  };
  check(noisy);
  check(exact);
  // Every sample, too, at the last of many steps.
  const KarrasSchedule schedule{.steps = 12};
  REQUIRE(relative_difference(sample(conditioned_by_moments(model, noisy), schedule, 5, Seed{6}, DpmSolver2M{}),
                              sample(conditioned(model, noisy), schedule, 5, Seed{6}, DpmSolver2M{})) < 1e-8);
}

TEST_CASE("For a mixture it is the update of its posterior covariance", "[analysis]") {
  const auto model = fit(GaussianMixtureScore{}, three_component_mixture(), CosineSchedule{});
  const LinearMeasurement measurement{Matrix<double>{{0.6, -0.8}}, Vector<double>::Constant(1, 0.5), 0.2};
  const Batch<double> y = random_matrix(2, 5, 7);
  const NoiseLevel level = NoiseLevel::from_alpha_bar(0.6);
  const Batch<double> x0_hat = model.denoise(y, level);
  const Batch<double> updated = conditioned_by_moments(model, measurement).denoise(y, level);
  for (Index j = 0; j < 5; ++j) {
    const Matrix<double> c = model.posterior_covariance(y.col(j), level);
    const Vector<double> a = measurement.matrix.transpose();
    const double innovation = 0.5 - a.dot(x0_hat.col(j));
    const Vector<double> expected = x0_hat.col(j) + c * a * (innovation / (a.dot(c * a) + 0.04));
    REQUIRE((updated.col(j) - expected).cwiseAbs().maxCoeff() < 1e-12);
  }
}

TEST_CASE("A function is conditioned by differences, and is a model", "[analysis]") {
  const auto model = fitted_gaussian();
  const auto function = make_denoiser<double>(
      6, [&](const Batch<double>& y, NoiseLevel level) -> Batch<double> { return model.denoise(y, level); });
  const LinearMeasurement measurement{random_matrix(3, 6, 8), random_matrix(3, 1, 9), 0.5};
  const auto by_moments = conditioned_by_moments(function, measurement);
  REQUIRE(by_moments.dimension() == 6);
  REQUIRE(by_moments.measurement().deviation == 0.5);
  const Batch<double> y = random_matrix(6, 3, 10);
  const NoiseLevel level = NoiseLevel::from_sigma(0.7);
  REQUIRE(relative_difference(by_moments.denoise(y, level), conditioned(model, measurement).denoise(y, level)) < 1e-7);
  check_denoiser(by_moments, KarrasSchedule{.steps = 3}.levels());
}

TEST_CASE("Where the model has no variance an exact number changes nothing", "[analysis]") {
  const Batch<double> constant = Batch<double>::Ones(3, 2);
  const auto model = make_denoiser<double>(3, [](const Batch<double>& y, NoiseLevel /*level*/) -> Batch<double> {
    return Batch<double>::Ones(y.rows(), y.cols());
  });
  const auto by_moments = conditioned_by_moments(model, ElementMeasurement{{0, 2}, Vector<double>{{5.0, -5.0}}});
  REQUIRE(by_moments.denoise(random_matrix(3, 2, 11), NoiseLevel::from_sigma(1.0)) == constant);
  REQUIRE(by_moments.denoise(random_matrix(3, 2, 11), NoiseLevel::from_sigma(0.0)) == constant);
}

TEST_CASE("Conditioning by moments says what it cannot do", "[analysis]") {
  const auto model = fitted_gaussian();
  const Vector<double> one = Vector<double>::Zero(1);
  REQUIRE(message_of<DimensionMismatch>([&] {
            (void)conditioned_by_moments(model, ElementMeasurement{{6}, one});
          }) == "measurement: element 6 of samples of dimension 6");
  REQUIRE(message_of<InvalidArgument>([&] {
            (void)conditioned_by_moments(model, ElementMeasurement{{0}, one})
                .denoise(random_matrix(6, 1, 12), NoiseLevel::from_alpha_bar(0.0));
          }) ==
          "conditioned_by_moments: at pure noise (alpha_bar = 0) the Jacobian says nothing of the clean samples; "
          "expected a finite sigma_T");
}

}  // namespace
}  // namespace diffarch
