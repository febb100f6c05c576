#include "diffarch/denoiser/polynomial/spectral_regression.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>

#include "diffarch/solver/hermite.hpp"
#include "oracles.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

constexpr int degree = 4;  // up to 3 the features of whitened data do not move with the noise on average
const NoiseLevel regression_level = NoiseLevel::from_sigma(0.6);

/// Skewed samples of the plane in the coordinates of their eigenmodes.
struct PlaneSamples {
  Matrix<double> coordinates;  // (2, n)
  Vector<double> eigenvalues;  // (2), decreasing

  explicit PlaneSamples(Index n) {
    Matrix<double> x = random_matrix(2, n, 1);
    x.row(0) = 1.5 * x.row(0).array().square() + x.row(1).array();
    x.colwise() -= Vector<double>(x.rowwise().mean());
    const Eigen::SelfAdjointEigenSolver<Matrix<double>> modes(x * x.transpose() / real(n));
    eigenvalues = modes.eigenvalues().reverse();
    coordinates = modes.eigenvectors().rowwise().reverse().transpose() * x;
  }
};

/// Every sample with the noise of a product rule that is exact for all moments up to order 2 degree, as columns, each
/// multiplied by the root of its weight: least squares on them is least squares on the average over samples and noise.
struct WeightedDraws {
  Vector<double> root;  // (draws)
  Matrix<double> c;     // (2, draws): the clean sample
  Matrix<double> u;     // (2, draws): the noisy one, whitened
  Matrix<double> h;     // ((degree - 1) p, draws): features less their mean

  WeightedDraws(const PlaneSamples& samples, const SpectralFit& fit) {
    const Quadrature rule = gauss_hermite(degree + 2);
    const NoiseLevel vp = regression_level.variance_preserving();
    const Index nodes = rule.nodes.size();
    const Index n = samples.coordinates.cols();
    const Index p = fit.directions.cols();
    root.resize(n * nodes * nodes);
    c.resize(2, root.size());
    u.resize(2, root.size());
    h.resize((degree - 1) * p, root.size());
    Index draw = 0;
    for (Index i = 0; i < n; ++i)
      for (Index a = 0; a < nodes; ++a)
        for (Index b = 0; b < nodes; ++b, ++draw) {
          root(draw) = std::sqrt(static_cast<double>(rule.weights(a) * rule.weights(b)) / real(n));
          c.col(draw) = samples.coordinates.col(i);
          const Vector<double> noise = Eigen::Vector2<Wide>(rule.nodes(a), rule.nodes(b)).cast<double>();
          u.col(draw) = (vp.signal * c.col(draw) + vp.noise * noise).cwiseQuotient(fit.deviation);
          const Vector<double> z = fit.directions.transpose() * u.col(draw);
          for (Index j = 0; j < p; ++j) {
            std::array<double, degree + 1> values;
            normalised_hermite(z(j), degree, values.data());
            for (int k = 2; k <= degree; ++k) h((k - 2) * p + j, draw) = values[static_cast<std::size_t>(k)];
          }
        }
    const Vector<double> mean = h * root.cwiseAbs2();
    CHECK(relative_difference(fit.feature_mean, mean) < 1e-12);
    h.colwise() -= mean;
    c *= root.asDiagonal();
    u *= root.asDiagonal();
    h *= root.asDiagonal();
  }
};

template <class Form>
SpectralFit fitted(const PlaneSamples& samples, const SpectralFeatures<Form>& features) {
  return SpectralRegression<degree, Form, TestedBackend>(features, samples.eigenvalues, samples.coordinates)
      .fit_at(regression_level);
}

/// argmin |a x - b| by orthogonal transformations, not by normal equations.
Matrix<double> least_squares(const Matrix<double>& a, const Matrix<double>& b) {
  return a.colPivHouseholderQr().solve(b);
}

}  // namespace

TEST_CASE("The free form is the joint least-squares fit of Wiener filter and features", "[denoiser][polynomial]") {
  const PlaneSamples samples(40);
  const SpectralFit fit =
      fitted(samples, SpectralFeatures<Monomials>{.width = 3, .exponents = {0.0}, .ridges = {1e-13}});
  const WeightedDraws draws(samples, fit);
  Matrix<double> design(draws.root.size(), 2 + draws.h.rows());
  design << draws.u.transpose(), draws.h.transpose();
  const Matrix<double> solution = least_squares(design, draws.c.transpose());
  // D = W u + A (h - L u), so that the coefficient of u is W - A L.
  CHECK(relative_difference(fit.coefficients, Matrix<double>(solution.bottomRows(draws.h.rows()).transpose())) < 1e-8);
  const Matrix<double> of_u =
      Matrix<double>(fit.wiener.asDiagonal()) - Matrix<double>(fit.coefficients * fit.linear_part);
  CHECK(relative_difference(of_u, Matrix<double>(solution.topRows(2).transpose())) < 1e-8);
}

TEST_CASE("Conservative weights are the least-squares fit of the Wiener filter's residual", "[denoiser][polynomial]") {
  const PlaneSamples samples(40);
  const SpectralFit fit = fitted(
      samples, SpectralFeatures<Conservative>{.width = 3, .exponents = {0.0}, .ridges = {1e-13}, .bounded = false});
  const WeightedDraws draws(samples, fit);
  const Index p = fit.directions.cols();
  const Index count = draws.root.size();
  // Each feature moves both coordinates, along its direction.
  Matrix<double> design(2 * count, draws.h.rows());
  const Matrix<double> along = fit.deviation.cwiseInverse().asDiagonal() * fit.directions;
  for (Index f = 0; f < draws.h.rows(); ++f)
    for (Index mode = 0; mode < 2; ++mode)
      design.col(f).segment(mode * count, count) = along(mode, f % p) * draws.h.row(f).transpose();
  const Matrix<double> residual = (draws.c - Matrix<double>(fit.wiener.asDiagonal() * draws.u)).transpose();
  const Vector<double> right = Eigen::Map<const Vector<double>>(residual.data(), residual.size());
  CHECK(relative_difference(fit.weights, Vector<double>(least_squares(design, right))) < 1e-8);
}

TEST_CASE("A bounded fit has no positive weight of the highest degree", "[denoiser][polynomial]") {
  const PlaneSamples samples(40);
  SpectralFeatures<Conservative> features{.width = 30, .ridges = {1e-6}, .bounded = false};
  CHECK(fitted(samples, features).weights.tail(features.width).maxCoeff() > 0.0);
  features.bounded = true;
  CHECK(fitted(samples, features).weights.tail(features.width).maxCoeff() <= 0.0);
}
