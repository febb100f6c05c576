#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"

#include <Eigen/Cholesky>
#include <numbers>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/schedule/custom.hpp"
#include "oracles.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

/// One noisy level of the given sigma and the clean end.
CustomSchedule at_sigma(double sigma) { return CustomSchedule::from_sigmas({sigma, 0.0}); }

/// Three blobs in the plane.
Batch<double> blobs(Index n, unsigned seed) {
  Batch<double> x = 0.25 * random_matrix(2, n, seed);
  for (Index i = 0; i < n; ++i) {
    const double angle = 2.0 * std::numbers::pi * real(i % 3) / 3.0 + 0.4;
    x.col(i) += 1.3 * Vector<double>{{std::cos(angle), std::sin(angle)}};
  }
  return x;
}

/// m atoms on a circle, turned by `angle`.
Batch<double> polygon(Index m, double angle) {
  Batch<double> x(2, m);
  for (Index i = 0; i < m; ++i) {
    const double at = angle + 2.0 * std::numbers::pi * real(i) / real(m);
    x.col(i) << std::cos(at), std::sin(at);
  }
  return x;
}

/// The Hermite features of points u (2, n), in long double.
Matrix<Wide> features_of(const MultiIndexSet& basis, const Matrix<Wide>& u) {
  Matrix<Wide> h(basis.size(), u.cols());
  Vector<Wide> values(basis.size());
  for (Index i = 0; i < u.cols(); ++i) {
    normalised_hermite(basis, Vector<Wide>(u.col(i)), values);
    h.col(i) = values;
  }
  return h;
}

/// Least squares on given noisy samples y of x, each with a weight, evaluated at `probes`: the definition itself.
Matrix<Wide> least_squares(int degree, const Matrix<Wide>& x, const Matrix<Wide>& y, const Vector<Wide>& weights,
                           const Matrix<Wide>& probes, Wide scale) {
  const MultiIndexSet basis(x.rows(), degree);
  const Matrix<Wide> h = features_of(basis, y / scale) * weights.cwiseSqrt().asDiagonal();
  const Matrix<Wide> target = (x * weights.cwiseSqrt().asDiagonal()).transpose();
  const Eigen::LLT<Matrix<Wide>> gram(h * h.transpose());
  return gram.solve(h * target).transpose() * features_of(basis, probes / scale);
}

/// The exact average: every sample with every node of a product rule for its noise.
Matrix<Wide> by_quadrature(int degree, const Batch<double>& x, double sigma, const Batch<double>& probes) {
  const Quadrature rule = gauss_hermite(degree + 1);
  const Index q = rule.nodes.size();
  Matrix<Wide> clean(2, x.cols() * q * q);
  Matrix<Wide> noisy(2, clean.cols());
  Vector<Wide> weights(clean.cols());
  Index column = 0;
  for (Index i = 0; i < x.cols(); ++i)
    for (Index a = 0; a < q; ++a)
      for (Index b = 0; b < q; ++b, ++column) {
        clean.col(column) = x.col(i).cast<Wide>();
        noisy.col(column) << clean(0, column) + sigma * rule.nodes(a), clean(1, column) + sigma * rule.nodes(b);
        weights(column) = rule.weights(a) * rule.weights(b) / static_cast<Wide>(x.cols());
      }
  return least_squares(degree, clean, noisy, weights, probes.cast<Wide>(),
                       std::sqrt(static_cast<Wide>(x.squaredNorm() / real(x.size()) + sigma * sigma)));
}

template <int Degree>
void check_quadrature() {
  const Batch<double> x = blobs(60, 1);
  for (const double sigma : {1.0, 0.3}) {
    const Batch<double> y = x.leftCols(40) + sigma * random_matrix(2, 40, 2);
    const auto model = fit(Polynomial<Degree>{}, x, at_sigma(sigma));
    const Matrix<double> expected = by_quadrature(Degree, x, sigma, y).cast<double>();
    INFO("degree " << Degree << ", sigma " << sigma);
    CHECK(relative_difference(model.denoise(y, NoiseLevel::from_sigma(sigma)), expected) < 1e-9);
  }
}

template <int Degree, class Data>
Batch<double> denoised(const Data& data, double sigma, const Batch<double>& y) {
  return fit(Polynomial<Degree>{}, data, at_sigma(sigma)).denoise(y, NoiseLevel::from_sigma(sigma));
}

template <int Degree>
double polygon_difference(Index m) {
  const Batch<double> y = 1.5 * random_matrix(2, 50, 3);
  return (denoised<Degree>(polygon(m, 0.0), 0.5, y) - denoised<Degree>(polygon(m, 0.37), 0.5, y)).norm() / y.norm();
}

}  // namespace

struct NeitherSamplesNorATable {
  using Scalar = double;
};

TEST_CASE("A polynomial is fitted to samples or to a table of moments, and to nothing else", "[denoiser][polynomial]") {
  STATIC_REQUIRE(FittableArchitecture<Polynomial<3>, Cpu, double>);
  STATIC_REQUIRE(FittableArchitecture<Polynomial<3>, Cpu, double, MomentTable<double>>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Polynomial<3>, Cpu, double, NeitherSamplesNorATable>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Polynomial<3>, Cpu, double, std::string>);
}

TEST_CASE("Degree one is the linear denoiser", "[denoiser][polynomial]") {
  const Batch<double> x = correlated_samples(3, 50, 1);
  const Batch<double> y = 2.0 * random_matrix(3, 20, 2);
  const auto linear = fit(Linear{}, x, at_sigma(1.0));
  const auto plain = fit(Polynomial<1>{}, x, at_sigma(1.0));
  const auto conservative = fit(Polynomial<1, Conservative>{}, x, at_sigma(1.0));
  for (const double sigma : {1e4, 3.0, 0.5, 0.02}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    CHECK(relative_difference(plain.denoise(y, level), linear.denoise(y, level)) < 1e-12);
    CHECK(relative_difference(conservative.denoise(y, level), linear.denoise(y, level)) < 1e-12);
  }
}

TEST_CASE("The exact fit equals Gauss-Hermite quadrature", "[denoiser][polynomial]") {
  check_quadrature<2>();
  check_quadrature<3>();
  check_quadrature<5>();
  check_quadrature<7>();
  check_quadrature<9>();
}

TEST_CASE("A Monte-Carlo fit tends to the exact one as 1 / sqrt(draws)", "[denoiser][polynomial]") {
  const Batch<double> x = blobs(50, 4);
  const double sigma = 0.6;
  const Batch<double> y = x + sigma * random_matrix(2, 50, 5);
  const Batch<double> exact = denoised<3>(x, sigma, y);
  // Mean squared error over repetitions; draws differ by 64, so that the root mean square error should fall by 8.
  const auto error = [&](Index draws, unsigned first_seed) {
    double sum = 0.0;
    for (unsigned repetition = 0; repetition < 12; ++repetition) {
      const Batch<double> clean = x.replicate(1, draws);
      const Batch<double> noisy = clean + sigma * random_matrix(2, clean.cols(), first_seed + repetition);
      const Vector<Wide> weights = Vector<Wide>::Constant(clean.cols(), 1.0L / static_cast<Wide>(clean.cols()));
      sum += (least_squares(3, clean.cast<Wide>(), noisy.cast<Wide>(), weights, y.cast<Wide>(), 1.0L).cast<double>() -
              exact)
                 .squaredNorm();
    }
    return std::sqrt(sum);
  };
  const double slope = std::log(error(640, 200) / error(10, 100)) / std::log(64.0);
  CHECK(slope == Approx(-0.5).margin(0.08));
}

TEST_CASE("A denoiser of degree d knows moments up to 2 d: regular polygons and their rotations",
          "[denoiser][polynomial]") {
  // Moments of an m-gon below degree m do not see its angle; degree d with d <= m - 2 is that of the rotated one.
  CHECK(polygon_difference<3>(5) < 1e-10);
  CHECK(polygon_difference<4>(5) > 1e-2);
  CHECK(polygon_difference<4>(6) < 1e-10);
  CHECK(polygon_difference<5>(6) > 1e-2);
  CHECK(polygon_difference<5>(7) < 1e-10);
  CHECK(polygon_difference<6>(7) > 1e-2);
}

TEST_CASE("Gauss-Hermite atoms look normal up to degree 2 m - 2", "[denoiser][polynomial]") {
  const Quadrature rule = gauss_hermite(3);
  const auto atoms = MomentTable<double>::from_weighted(Batch<double>(rule.nodes.cast<double>().transpose()),
                                                        rule.weights.cast<double>(), 10);
  const Batch<double> y = random_matrix(1, 30, 6);
  const Batch<double> wiener = y / (1.0 + 0.25);
  CHECK(relative_difference(denoised<2>(atoms, 0.5, y), wiener) < 1e-10);
  CHECK(relative_difference(denoised<4>(atoms, 0.5, y), wiener) < 1e-10);
  CHECK(relative_difference(denoised<5>(atoms, 0.5, y), wiener) > 1e-3);
}

TEST_CASE("d + 1 quadrature nodes replace any data in one dimension", "[denoiser][polynomial]") {
  // Gauss nodes of the empirical measure: eigenvalues of the Jacobi matrix that Lanczos (Stieltjes) gives.
  const Batch<double> x = blobs(200, 7).row(0);
  const auto gauss_rule = [&](Index count) {
    Matrix<Wide> jacobi = Matrix<Wide>::Zero(count, count);
    const Vector<Wide> points = x.row(0).transpose().cast<Wide>();
    Vector<Wide> previous = Vector<Wide>::Zero(points.size());
    Vector<Wide> current = Vector<Wide>::Constant(points.size(), 1.0L / std::sqrt(static_cast<Wide>(points.size())));
    for (Index k = 0; k < count; ++k) {
      Vector<Wide> next = points.cwiseProduct(current);
      if (k > 0) next -= jacobi(k, k - 1) * previous;
      jacobi(k, k) = next.dot(current);
      next -= jacobi(k, k) * current;
      if (k + 1 < count) jacobi(k + 1, k) = jacobi(k, k + 1) = next.norm();
      previous = current;
      current = next / next.norm();
    }
    const Quadrature rule = test::gauss_rule(jacobi);
    return MomentTable<double>::from_weighted(Batch<double>(rule.nodes.cast<double>().transpose()),
                                              Vector<double>(rule.weights.cast<double>()), 10);
  };
  const Batch<double> y = random_matrix(1, 30, 8);
  CHECK(relative_difference(denoised<5>(gauss_rule(6), 0.5, y), denoised<5>(x, 0.5, y)) < 1e-10);
  CHECK(relative_difference(denoised<5>(gauss_rule(5), 0.5, y), denoised<5>(x, 0.5, y)) > 1e-4);
}

TEST_CASE("Fitting to samples and to their table of moments is the same", "[denoiser][polynomial]") {
  const Batch<double> x = blobs(80, 9);
  const Batch<double> y = random_matrix(2, 20, 10);
  CHECK(relative_difference(denoised<5>(MomentTable<double>::from_samples(x, 10), 0.5, y), denoised<5>(x, 0.5, y)) <
        1e-10);
  CHECK(message_of<InvalidArgument>([&] {
          (void)denoised<5>(MomentTable<double>::from_samples(x, 9), 0.5, y);
        }).find("up to degree 10") != std::string::npos);
}

TEST_CASE("The cubic coefficient in one dimension has the sign of the excess kurtosis", "[denoiser][polynomial]") {
  // theory.md C5 c: sigma^2 kappa_4 / ((mu_2 + sigma^2)(m_6 - m_4^2 / m_2)) for symmetric data, m of y.
  const auto lead = [](const Batch<double>& x, double sigma) {
    return fit(Polynomial<3>{}, x, at_sigma(sigma))
        .leading_form(Matrix<double>::Ones(1, 1), NoiseLevel::from_sigma(sigma))(0);
  };
  const auto formula = [](const Batch<double>& x, double sigma) {
    const double s = sigma * sigma;
    const double x2 = x.array().square().mean();
    const double x4 = x.array().pow(4).mean();
    const double x6 = x.array().pow(6).mean();
    const double m2 = x2 + s;
    const double m4 = x4 + 6.0 * x2 * s + 3.0 * s * s;
    const double m6 = x6 + 15.0 * x4 * s + 45.0 * x2 * s * s + 15.0 * s * s * s;
    return s * (x4 - 3.0 * x2 * x2) / (m2 * (m6 - m4 * m4 / m2));
  };
  const Batch<double> bimodal{{-1.2, -1.0, -0.8, 0.8, 1.0, 1.2}};
  const Batch<double> heavy{{-4.0, -1.0, -0.3, -0.1, 0.1, 0.3, 1.0, 4.0}};
  for (const double sigma : {2.0, 0.5}) {
    CHECK(lead(bimodal, sigma) == Approx(formula(bimodal, sigma)).epsilon(1e-9));
    CHECK(lead(heavy, sigma) == Approx(formula(heavy, sigma)).epsilon(1e-9));
    CHECK(lead(bimodal, sigma) < 0.0);
    CHECK(lead(heavy, sigma) > 0.0);
  }
}

TEST_CASE("The conservative denoiser is the gradient of its log density", "[denoiser][polynomial]") {
  const Batch<double> x = blobs(70, 11);
  for (const double sigma : {1.0, 0.4}) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    const auto model = fit(Polynomial<5, Conservative>{}, x, at_sigma(sigma));
    const Batch<double> y = x.leftCols(10) + sigma * random_matrix(2, 10, 12);
    const Batch<double> score = (model.denoise(y, level) - y) / (sigma * sigma);
    constexpr double step = 1e-5;
    for (Index j = 0; j < 2; ++j) {
      Batch<double> up = y;
      Batch<double> down = y;
      up.row(j).array() += step;
      down.row(j).array() -= step;
      const Vector<double> slope = (model.log_density(up, level) - model.log_density(down, level)) / (2.0 * step);
      CHECK(relative_difference(slope, score.row(j).transpose()) < 1e-7);
    }
  }
}

TEST_CASE("The conservative denoiser minimises the score-matching objective", "[denoiser][polynomial]") {
  // E |x0 - D|^2 restricted to gradients is score matching: any other gradient field does worse on the same average.
  const Batch<double> x = blobs(30, 13);
  const double sigma = 0.5;
  const NoiseLevel level = NoiseLevel::from_sigma(sigma);
  const auto model = fit(Polynomial<3, Conservative>{}, x, at_sigma(sigma));
  const Quadrature rule = gauss_hermite(6);
  // D + t grad P for a random quartic P, mean squared error by quadrature.
  const MultiIndexSet quartic(2, 4);
  const Vector<double> p = random_matrix(quartic.size(), 1, 14).col(0);
  const auto gradient = [&](const Vector<double>& y) {
    Vector<double> result = Vector<double>::Zero(2);
    for (Index a = 1; a < quartic.size(); ++a)
      for (Index j = 0; j < 2; ++j)
        if (const int power = quartic[a][static_cast<std::size_t>(j)]; power > 0)
          result(j) += p(a) * power * std::pow(y(j), power - 1) *
                       std::pow(y(1 - j), quartic[a][static_cast<std::size_t>(1 - j)]);
    return result;
  };
  const auto error = [&](double t) {
    double sum = 0.0;
    for (Index i = 0; i < x.cols(); ++i)
      for (Index a = 0; a < 6; ++a)
        for (Index b = 0; b < 6; ++b) {
          const Vector<double> y = x.col(i) + sigma * Vector<double>{{static_cast<double>(rule.nodes(a)),
                                                                      static_cast<double>(rule.nodes(b))}};
          const Vector<double> residual = x.col(i) - model.denoise(y, level).col(0) - t * gradient(y);
          sum += static_cast<double>(rule.weights(a) * rule.weights(b)) * residual.squaredNorm();
        }
    return sum;
  };
  const double at_minimum = error(0.0);
  constexpr double t = 1e-3;
  CHECK(error(t) > at_minimum);
  CHECK(error(-t) > at_minimum);
  CHECK(std::abs(error(t) - error(-t)) < 1e-6 * (error(t) - at_minimum) + 1e-11 * at_minimum);
}

TEST_CASE("Jacobians equal differences", "[denoiser][polynomial]") {
  const Batch<double> x = blobs(40, 15);
  const NoiseLevel level = NoiseLevel::from_sigma(0.6).variance_preserving();
  const auto model = fit(Polynomial<4>{}, x, at_sigma(0.6));
  const Batch<double> y{{0.3}, {-0.8}};
  const Matrix<double> v = random_matrix(2, 2, 16);
  constexpr double step = 1e-6;
  const Batch<double> up = y.replicate(1, 2) + step * v;
  const Batch<double> down = y.replicate(1, 2) - step * v;
  CHECK(relative_difference(model.jacobian_product(y, v, level),
                            (model.denoise(up, level) - model.denoise(down, level)) / (2.0 * step)) < 1e-7);
}

TEST_CASE("The leading form is the limit far out", "[denoiser][polynomial]") {
  const Batch<double> x = blobs(40, 17);
  const Matrix<double> theta = random_matrix(2, 5, 18).colwise().normalized();
  const auto check = [&](const auto& model, int degree) {
    const double far = 1e5;
    for (const NoiseLevel level : {NoiseLevel::from_sigma(0.8), NoiseLevel::from_sigma(0.8).variance_preserving()}) {
      const Batch<double> d = model.denoise(far * theta, level);
      const Vector<double> limit = theta.cwiseProduct(d).colwise().sum() / std::pow(far, degree);
      CHECK(relative_difference(limit, model.leading_form(theta, level)) < 1e-3);
    }
  };
  check(fit(Polynomial<3>{}, x, at_sigma(0.8)), 3);
  check(fit(Polynomial<5, Conservative>{}, x, at_sigma(0.8)), 5);
}

TEST_CASE("Equal sigma in other units, pure noise, directions without variance", "[denoiser][polynomial]") {
  const Batch<double> x = blobs(40, 19);
  const auto model = fit(Polynomial<3>{}, x, at_sigma(0.7));
  const Batch<double> y = random_matrix(2, 6, 20);
  const NoiseLevel ve = NoiseLevel::from_sigma(0.7);
  const NoiseLevel vp = ve.variance_preserving();
  CHECK(relative_difference(model.denoise(vp.signal * y, vp), model.denoise(y, ve)) < 1e-13);
  CHECK(relative_difference(model.denoise(y, NoiseLevel{0.0, 1.0}), x.rowwise().mean().replicate(1, 6)) < 1e-14);

  Batch<double> flat(3, 40);
  flat << x, Batch<double>::Constant(1, 40, 0.5);
  const Batch<double> lifted = (Batch<double>(3, 6) << y, random_matrix(1, 6, 21)).finished();
  const auto embedded = fit(Polynomial<3>{}, flat, at_sigma(0.7)).denoise(lifted, ve);
  CHECK(relative_difference(embedded.topRows(2), model.denoise(y, ve)) < 1e-12);
  CHECK((embedded.row(2).array() - 0.5).abs().maxCoeff() < 1e-14);
}

TEST_CASE("Too few points for the degree give one clear error", "[denoiser][polynomial]") {
  const std::string message =
      message_of<NumericalError>([] { (void)fit(Polynomial<7>{}, polygon(3, 0.1), at_sigma(0.002)); });
  CHECK(message.find("degree 7 at sigma = 0.002") != std::string::npos);
  CHECK(message.find("do not determine") != std::string::npos);
  CHECK_THROWS_AS(fit(Polynomial<3>{}, Batch<double>(Batch<double>::Ones(2, 4)), at_sigma(1.0)), InvalidArgument);
  const auto model = fit(Polynomial<3>{}, blobs(40, 22), at_sigma(1.0));
  CHECK_THROWS_AS(model.denoise(Batch<double>(Batch<double>::Ones(3, 1)), NoiseLevel::from_sigma(1.0)),
                  DimensionMismatch);
}

TEST_CASE("Degree 11 in the plane keeps its meaning at the last level of the paper's schedule",
          "[denoiser][polynomial]") {
  const Batch<double> x = blobs(1000, 23);
  const NoiseLevel level = NoiseLevel::from_sigma(0.0418);
  const auto fit_of = MonomialDenoiser<double, false>(11, HermiteMoments::from(x, 22)).fit_at(level);
  CHECK(fit_of.condition > 1e9);  // hopeless in double: what extended precision is for
  const Batch<double> y = x.leftCols(200) + 0.0418 * random_matrix(2, 200, 24);
  const Batch<double> from_samples = denoised<11>(x, 0.0418, y);
  const Batch<double> from_table = denoised<11>(MomentTable<double>::from_samples(x, 22), 0.0418, y);
  CHECK(relative_difference(from_table, from_samples) < 1e-4);
  CHECK((from_samples - x.leftCols(200)).squaredNorm() < 2.0 * (y - x.leftCols(200)).squaredNorm());
}
