#include "diffarch/denoiser/linear.hpp"

#include <cmath>
#include <numbers>

#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::correlated_samples;
using test::denoise_on;
using test::random_matrix;
using test::real;
using test::relative_difference;
using test::TestedBackend;

TEST_CASE("In one dimension the linear denoiser is the posterior mean by numerical integration", "[denoiser]") {
  const Batch<double> data = correlated_samples(1, 20, 1);
  const double mean = data.mean();
  const double variance = (data.array() - mean).square().mean();
  const auto model = fit(Linear{}, data, CosineSchedule{}, TestedBackend{});
  for (const NoiseLevel level : {NoiseLevel::from_alpha_bar(0.2), NoiseLevel::from_sigma(0.7)})
    for (const double y : {-2.0, 0.1, 3.0}) {
      // Bayes' rule on a grid over 12 standard deviations; the trapezoidal rule is exact to rounding for a Gaussian.
      double weights = 0.0;
      double weighted = 0.0;
      for (int i = -2400; i <= 2400; ++i) {
        const double x = mean + std::sqrt(variance) * 12.0 * i / 2400.0;
        const double prior = (x - mean) * (x - mean) / variance;
        const double residual = (y - level.signal * x) / level.noise;
        const double weight = std::exp(-0.5 * (prior + residual * residual));
        weights += weight;
        weighted += weight * x;
      }
      REQUIRE(denoise_on(model, Batch<double>::Constant(1, 1, y), level)(0, 0) ==
              Approx(weighted / weights).epsilon(1e-12).margin(1e-12));
    }
}

TEST_CASE("No affine map has a smaller training loss than the linear denoiser", "[denoiser]") {
  const Index d = 4;
  const Index n = 30;
  const Batch<double> data = correlated_samples(d, n, 2);
  const NoiseLevel level = NoiseLevel::from_alpha_bar(0.6);
  const auto model = fit(Linear{}, data, CosineSchedule{}, TestedBackend{});
  const Vector<double> b = denoise_on(model, Batch<double>::Zero(d, 1), level).col(0);
  const Matrix<double> w = denoise_on(model, Batch<double>::Identity(d, d), level).colwise() - b;
  // E |W y + b - x|^2 over training samples x and the noise, exactly: |(sW - I) x + b|^2 + noise^2 |W|^2.
  const auto loss = [&](const Matrix<double>& weight, const Vector<double>& bias) {
    const Matrix<double> residual = (level.signal * weight * data - data).colwise() + bias;
    return residual.squaredNorm() / real(n) + level.noise * level.noise * weight.squaredNorm();
  };
  const double best = loss(w, b);
  for (unsigned direction = 0; direction < 20; ++direction) {
    const Matrix<double> dw = random_matrix(d, d, 100 + direction);
    const Vector<double> db = random_matrix(d, 1, 200 + direction);
    // At a minimum of a quadratic the loss rises by the same amount both ways; its slope is rounding.
    const double up = loss(w + 1e-3 * dw, b + 1e-3 * db) - best;
    const double down = loss(w - 1e-3 * dw, b - 1e-3 * db) - best;
    REQUIRE(up > 0.0);
    REQUIRE(down > 0.0);
    REQUIRE(up == Approx(down).epsilon(1e-7));  // rounding of the loss, 1e-15, over a rise of about 1e-6
  }
}

/// Corners of a regular m-gon of radius 1: mean 0 and covariance I / 2 for every m >= 3, and nothing else in common.
Batch<double> polygon(int m, double phase) {
  Batch<double> corners(2, m);
  for (int k = 0; k < m; ++k) {
    const double angle = phase + 2.0 * std::numbers::pi * k / m;
    corners.col(k) << std::cos(angle), std::sin(angle);
  }
  return corners;
}

TEST_CASE("Data of equal mean and covariance give the same linear denoiser", "[denoiser]") {
  const Matrix<double> shape{{1.5, 0.2}, {-0.4, 0.3}};
  const Vector<double> centre{{0.7, -1.1}};
  const auto stretched = [&](const Batch<double>& corners) {
    return Batch<double>((shape * corners).colwise() + centre);
  };
  const Batch<double> triangle = stretched(polygon(3, 0.1));
  const Batch<double> heptagon = stretched(polygon(7, 1.0));
  const GaussianMoments<double> moments(centre, shape * shape.transpose() / 2.0);
  for (const bool bias : {true, false}) {
    const auto of_triangle = fit(Linear{.bias = bias}, triangle, CosineSchedule{}, TestedBackend{});
    const auto of_heptagon = fit(Linear{.bias = bias}, heptagon, CosineSchedule{}, TestedBackend{});
    const auto of_moments = fit(Linear{.bias = bias}, moments, CosineSchedule{}, TestedBackend{});
    for (const NoiseLevel& level : CosineSchedule{.steps = 10}.levels()) {
      const Batch<double> y = random_matrix(2, 20, 3);
      const Batch<double> expected = denoise_on(of_triangle, y, level);
      REQUIRE(relative_difference(denoise_on(of_heptagon, y, level), expected) < 1e-12);
      REQUIRE(relative_difference(denoise_on(of_moments, y, level), expected) < 1e-12);
    }
  }
}

TEST_CASE("The two mixtures of equal moments give the same linear denoiser", "[denoiser]") {
  const auto moments = [](const auto& mixture) {
    return GaussianMoments<double>(mixture.mean(), mixture.covariance());
  };
  const auto of_three = fit(Linear{}, moments(three_component_mixture()), CosineSchedule{}, TestedBackend{});
  const auto of_two = fit(Linear{}, moments(two_component_mixture()), CosineSchedule{}, TestedBackend{});
  for (const NoiseLevel& level : CosineSchedule{.steps = 10}.levels()) {
    const Batch<double> y = 3.0 * random_matrix(2, 50, 4);
    REQUIRE(relative_difference(denoise_on(of_three, y, level), denoise_on(of_two, y, level)) < 1e-12);
  }
}

struct NeitherSamplesNorMoments {
  using Scalar = float;
};

TEST_CASE("Linear is fitted to samples or to moments of its scalar, and to nothing else", "[denoiser]") {
  STATIC_REQUIRE(FittableArchitecture<Linear, TestedBackend, float>);
  STATIC_REQUIRE(FittableArchitecture<Linear, TestedBackend, float, Dataset<float>>);
  STATIC_REQUIRE(FittableArchitecture<Linear, TestedBackend, float, GaussianMoments<float>>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Linear, TestedBackend, float, GaussianMoments<double>>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Linear, TestedBackend, float, NeitherSamplesNorMoments>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Linear, TestedBackend, float, std::string>);
}

TEST_CASE("Linear keeps every mode and is named after its bias", "[denoiser]") {
  REQUIRE(Linear{}.modes(17) == 17);
  REQUIRE(Linear{}.name() == "Linear");
  REQUIRE(Linear{.bias = false}.name() == "Linear (no bias)");
  const Batch<double> data = correlated_samples(4, 10, 5);
  std::vector<std::string> tasks;
  const auto model = fit(Linear{.bias = false}, data, CosineSchedule{}, TestedBackend{},
                         [&](const Progress& progress) { tasks.push_back(progress.task); });
  REQUIRE(tasks == std::vector<std::string>{"fit Linear (no bias)"});
  REQUIRE(model.mean() == Vector<double>::Zero(4));
  REQUIRE(model.eigenvalues().sum() == Approx(data.squaredNorm() / 10.0).epsilon(1e-13));  // trace, 4 modes
}

}  // namespace
}  // namespace diffarch
