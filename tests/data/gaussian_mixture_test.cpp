#include "diffarch/data/gaussian_mixture.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"

using namespace diffarch;

namespace {

GaussianMixture<double> tilted_mixture() {
  return {Vector<double>{{0.25, 0.75}},
          Matrix<double>{{0.0, 2.0}, {1.0, -1.0}},
          {Matrix<double>{{2.0, 0.6}, {0.6, 0.5}}, Matrix<double>{{0.3, -0.1}, {-0.1, 0.4}}}};
}

}  // namespace

TEMPLATE_TEST_CASE("The mixtures of two and three components have mean 0 and covariance I exactly", "[data]", float,
                   double) {
  // No tolerance: the parameters are binary fractions, so every product and sum on the way is exact.
  for (const auto& mixture : {two_component_mixture<TestType>(), three_component_mixture<TestType>()}) {
    REQUIRE(mixture.dimension() == 2);
    REQUIRE(mixture.mean() == Vector<TestType>::Zero(2));
    REQUIRE(mixture.covariance() == Matrix<TestType>::Identity(2, 2));
  }
  REQUIRE(two_component_mixture<TestType>().components() == 2);
  REQUIRE(three_component_mixture<TestType>().components() == 3);
}

TEST_CASE("The mixtures of two and three components differ where it can be seen", "[data]") {
  // At the middle of the upper blob of the three: 6/16 / (2 pi 0.27 0.25) = 0.9; the two bars have almost nothing
  // there.
  const Batch<double> blob{{0.0}, {1.25}};
  REQUIRE(three_component_mixture().density(blob)[0] > 0.85);
  REQUIRE(two_component_mixture().density(blob)[0] < 1e-3);
}

TEST_CASE("mean and covariance of a mixture follow the law of total covariance", "[data]") {
  const auto mixture = tilted_mixture();
  // By hand: mean (1.5, -0.5); covariance within 1/4 A + 3/4 B, between 3/16 (2, -2)(2, -2)^T.
  // Tolerance 1e-15: a handful of roundings of numbers below 2 (eps = 2.2e-16).
  REQUIRE((mixture.mean() - Vector<double>{{1.5, -0.5}}).cwiseAbs().maxCoeff() <= 1e-15);
  const Matrix<double> expected{{0.725 + 0.75, 0.075 - 0.75}, {0.075 - 0.75, 0.425 + 0.75}};
  REQUIRE((mixture.covariance() - expected).cwiseAbs().maxCoeff() <= 1e-15);
}

TEST_CASE("A sample of a mixture has its weights, mean and covariance", "[data]") {
  const auto mixture = tilted_mixture();
  constexpr Index n = 200000;
  const auto [samples, labels] = mixture.sample_labelled(n, Seed{11});
  REQUIRE(samples.rows() == 2);
  REQUIRE(samples.cols() == n);

  // Six statistics, each within 5.5 standard errors: a right sampler would fail for 6 * 4e-8 = 2e-7 of the seeds.
  constexpr double z = 5.5;
  const double root_n = std::sqrt(static_cast<double>(n));
  const auto second = static_cast<double>(std::count(labels.begin(), labels.end(), Index{1})) / n;
  REQUIRE(std::abs(second - 0.75) <= z * std::sqrt(0.25 * 0.75) / root_n);

  const Vector<double> mean = samples.rowwise().mean();
  const Matrix<double> covariance = mixture.covariance();
  for (Index i = 0; i < 2; ++i)
    REQUIRE(std::abs(mean[i] - mixture.mean()[i]) <= z * std::sqrt(covariance(i, i)) / root_n);
  const Matrix<double> centred = samples.colwise() - mixture.mean();
  for (Index i = 0; i < 2; ++i)
    for (Index j = 0; j <= i; ++j) {
      const Eigen::ArrayXd products = (centred.row(i).array() * centred.row(j).array()).transpose();
      const double spread = std::sqrt((products - products.mean()).square().mean());
      REQUIRE(std::abs(products.mean() - covariance(i, j)) <= z * spread / root_n);
    }
}

TEST_CASE("Samples of one component have that component's covariance, also when it is singular", "[data]") {
  // Component 1 lies on the line (1, 2) t: exactly, up to rounding of numbers of order 10.
  const GaussianMixture<double> mixture(Vector<double>{{0.5, 0.5}}, Matrix<double>::Zero(2, 2),
                                        {Matrix<double>::Identity(2, 2), Matrix<double>{{1.0, 2.0}, {2.0, 4.0}}});
  const auto [samples, labels] = mixture.sample_labelled(1000, Seed{3});
  double farthest = 0.0;
  for (Index i = 0; i < samples.cols(); ++i)
    if (labels[static_cast<std::size_t>(i)] == 1) {
      REQUIRE(std::abs(samples(1, i) - 2.0 * samples(0, i)) <= 1e-14);
      farthest = std::max(farthest, std::abs(samples(0, i)));
    }
  REQUIRE(farthest > 1.0);
  REQUIRE_THROWS_WITH(mixture.log_density(samples), ContainsSubstring("component 1 is singular"));
}

TEST_CASE("Sample i of a mixture is the same whatever the number of samples", "[data]") {
  const auto mixture = three_component_mixture();
  const Batch<double> many = mixture.sample(100, Seed{5});
  REQUIRE(mixture.sample(17, Seed{5}) == many.leftCols(17));
  REQUIRE(mixture.sample(17, Seed{6}) != many.leftCols(17));
  REQUIRE(mixture.sample(0, Seed{5}).cols() == 0);
}

TEST_CASE("log_density is the closed form of one Gaussian", "[data]") {
  const Matrix<double> covariance{{2.0, 0.6}, {0.6, 0.5}};
  const GaussianMixture<double> gaussian(Vector<double>{{1.0}}, Matrix<double>{{1.0}, {-1.0}}, {covariance});
  const Batch<double> points{{0.0, 1.0, 30.0}, {0.0, -1.0, 4.0}};
  const double determinant = 2.0 * 0.5 - 0.6 * 0.6;
  for (Index i = 0; i < 3; ++i) {
    const double x = points(0, i) - 1.0;
    const double y = points(1, i) + 1.0;
    const double distance = (0.5 * x * x - 2 * 0.6 * x * y + 2.0 * y * y) / determinant;
    const double expected = -0.5 * distance - std::log(2.0 * std::numbers::pi) - 0.5 * std::log(determinant);
    // Relative 1e-13: the eigenvalues carry a few eps, the square of the distance amplifies them by the condition 16.
    REQUIRE(gaussian.log_density(points)[i] == Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("The density of a mixture integrates to one and stays finite far away", "[data]") {
  const auto mixture = tilted_mixture();
  constexpr Index side = 241;
  constexpr double step = 0.1;
  Batch<double> grid(2, side * side);
  for (Index i = 0; i < side; ++i)
    for (Index j = 0; j < side; ++j)
      grid.col(i * side + j) << step * static_cast<double>(i - side / 2), step * static_cast<double>(j - side / 2);
  // The trapezoidal rule is spectrally exact for Gaussians: exp(-2 pi^2 lambda / step^2) < 1e-80 for the least
  // eigenvalue 0.2, and the square of side 24 leaves out less than exp(-40). What is left is rounding of 58081 terms.
  REQUIRE(mixture.density(grid).sum() * step * step == Approx(1.0).epsilon(1e-12));

  const Batch<double> far{{1e6}, {-1e6}};
  REQUIRE(std::isfinite(mixture.log_density(far)[0]));
  REQUIRE(mixture.density(far)[0] == 0.0);
  REQUIRE_THROWS_AS(mixture.log_density(Batch<double>(Batch<double>::Zero(3, 1))), DimensionMismatch);
}

TEST_CASE("with_noise is the density of the sum with Gaussian noise", "[data]") {
  // Component 1 is singular: with noise it has a density.
  const GaussianMixture<double> mixture(
      Vector<double>{{0.25, 0.75}}, Matrix<double>{{0.0, 2.0}, {1.0, -1.0}},
      {Matrix<double>{{2.0, 0.6}, {0.6, 0.5}}, Matrix<double>{{0.36, 0.48}, {0.48, 0.64}}});
  const double sigma = 0.5;
  const GaussianMixture<double> noisy = mixture.with_noise(sigma);
  REQUIRE(noisy.mean() == mixture.mean());
  // Monte Carlo without randomness: E[N(x; x0, sigma^2 I)] over x0 = m + L u by the trapezoidal rule in u, which
  // converges exponentially for N(0, I).
  const Vector<double> x{{0.7, -0.4}};
  const Matrix<double> factors[2] = {Matrix<double>{{std::sqrt(2.0), 0.0}, {0.6 / std::sqrt(2.0), std::sqrt(0.32)}},
                                     Matrix<double>{{0.6, 0.0}, {0.8, 0.0}}};
  constexpr Index side = 161;
  constexpr double step = 0.1;
  double density = 0.0;
  for (Index k = 0; k < 2; ++k)
    for (Index i = 0; i < side; ++i)
      for (Index j = 0; j < side; ++j) {
        const Vector<double> u{{step * static_cast<double>(i - side / 2), step * static_cast<double>(j - side / 2)}};
        const Vector<double> distance = x - mixture.means().col(k) - factors[k] * u;
        density += mixture.weights()(k) * step * step / (4.0 * std::numbers::pi * std::numbers::pi * sigma * sigma) *
                   std::exp(-0.5 * u.squaredNorm() - 0.5 * distance.squaredNorm() / (sigma * sigma));
      }
  REQUIRE(noisy.density(x)[0] == Approx(density).epsilon(1e-12));
  REQUIRE(mixture.with_noise(0.0).covariances() == mixture.covariances());
  REQUIRE_THROWS_WITH(mixture.with_noise(-1.0), "GaussianMixture: sigma = -1, expected a finite sigma >= 0");
  REQUIRE_THROWS_AS(mixture.with_noise(std::numeric_limits<double>::infinity()), InvalidArgument);
}

TEST_CASE("Parameters that describe no mixture are refused", "[data]") {
  using Mixture = GaussianMixture<double>;
  const Matrix<double> means = Matrix<double>::Zero(2, 2);
  const Matrix<double> unit = Matrix<double>::Identity(2, 2);
  const Vector<double> half{{0.5, 0.5}};
  REQUIRE_NOTHROW(Mixture(half, means, {unit, unit}));
  REQUIRE_THROWS_AS(Mixture(Vector<double>{{1.0}}, means, {unit, unit}), DimensionMismatch);
  REQUIRE_THROWS_WITH(Mixture(half, means, {unit}), ContainsSubstring("2 weights, 2 means and 1 covariances"));
  REQUIRE_THROWS_WITH(Mixture(half, means, {unit, Matrix<double>::Identity(3, 3)}),
                      ContainsSubstring("covariance 1 is (3, 3); expected (2, 2)"));
  REQUIRE_THROWS_WITH(Mixture(Vector<double>{{0.5, 0.6}}, means, {unit, unit}),
                      ContainsSubstring("the weights sum to 1.1; expected 1"));
  REQUIRE_THROWS_WITH(Mixture(Vector<double>{{1.5, -0.5}}, means, {unit, unit}), ContainsSubstring("weight 1 is -0.5"));
  REQUIRE_THROWS_WITH(Mixture(half, means, {unit, Matrix<double>{{1.0, 0.5}, {0.0, 1.0}}}),
                      ContainsSubstring("covariance 1 is not symmetric"));
  REQUIRE_THROWS_WITH(Mixture(half, means, {Matrix<double>{{1.0, 2.0}, {2.0, 1.0}}, unit}),
                      ContainsSubstring("covariance 0 has the eigenvalue -1"));
  REQUIRE_THROWS_AS(Mixture(half, means * std::nan(""), {unit, unit}), InvalidArgument);
  REQUIRE_THROWS_AS(Mixture(half, means, {unit, unit * std::nan("")}), InvalidArgument);
  REQUIRE_THROWS_AS(two_component_mixture().sample(-1, Seed{0}), InvalidArgument);
}
