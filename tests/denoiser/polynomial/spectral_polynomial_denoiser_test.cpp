#include "diffarch/denoiser/polynomial/spectral_polynomial_denoiser.hpp"

#include "diffarch/analysis/curl_asymmetry.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/schedule/custom.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

constexpr double middle_sigma = 0.6;
const NoiseLevel middle_level = NoiseLevel::from_sigma(middle_sigma);
CustomSchedule schedule() { return CustomSchedule::from_sigmas({middle_sigma, 0.0}); }

template <class A>
auto spectral_fit(const A& architecture, const Batch<double>& x) {
  return fit(architecture, x, schedule(), TestedBackend{});
}

/// Skewed, heavy and light tails in different directions.
Batch<double> samples(Index d, Index n, unsigned seed) {
  Batch<double> x = random_matrix(d, n, seed);
  x.row(0) = x.row(0).array().sign() + 0.3 * x.row(0).array();
  x.row(1) = x.row(1).array().square();
  for (Index i = 0; i < d; ++i) x.row(i) *= 1.5 - real(i) / real(d);
  return x;
}

}  // namespace

TEST_CASE("With enough directions the free form is the complete polynomial", "[denoiser][polynomial]") {
  // In the plane 20 directions span all quadratic and cubic Hermite polynomials: the oracle is the fit on monomials.
  const Batch<double> x = samples(2, 50, 1);
  const Batch<double> y = x + middle_sigma * random_matrix(2, 50, 2);
  const Polynomial<3, SpectralFeatures<Monomials>> spectral{{.width = 20, .exponents = {0.0}, .ridges = {1e-10}}};
  CHECK(relative_difference(denoise_on(spectral_fit(spectral, x), y, middle_level),
                            fit(Polynomial<3>{}, x, schedule()).denoise(y, middle_level)) < 1e-6);
}

TEST_CASE("The conservative form is the gradient of its log density and has no curl", "[denoiser][polynomial]") {
  const Batch<double> x = samples(5, 60, 3);
  const auto model = spectral_fit(Polynomial<3, SpectralFeatures<>>{{.width = 30}}, x);
  const Batch<double> y = x.leftCols(6) + middle_sigma * random_matrix(5, 6, 4);
  CHECK(curl_asymmetry(model, y, Matrix<double>::Identity(5, 5), middle_level) < 1e-12);
  const Batch<double> score = (denoise_on(model, y, middle_level) - y) / (middle_sigma * middle_sigma);
  constexpr double step = 1e-5;
  for (Index j = 0; j < 5; ++j) {
    Batch<double> up = y;
    Batch<double> down = y;
    up.row(j).array() += step;
    down.row(j).array() -= step;
    const Vector<double> slope =
        (model.log_density(up, middle_level) - model.log_density(down, middle_level)) / (2.0 * step);
    CHECK((slope - score.row(j).transpose()).cwiseAbs().maxCoeff() < 1e-6 * score.cwiseAbs().maxCoeff());
  }
  const auto free = spectral_fit(Polynomial<3, SpectralFeatures<Monomials>>{{.width = 30, .ridges = {0.1}}}, x);
  CHECK(curl_asymmetry(free, y, Matrix<double>::Identity(5, 5), middle_level) > 1e-4);
}

TEST_CASE("The conservative weights minimise the denoising error", "[denoiser][polynomial]") {
  // Many noise draws: neither form can be worse than the Wiener filter, and the constrained one is not the better.
  const Batch<double> x = samples(4, 40, 5).replicate(1, 500);
  const Batch<double> y = x + middle_sigma * random_matrix(4, x.cols(), 6);
  const Batch<double> data = x.leftCols(40);
  const auto error = [&](const auto& architecture) {
    return (denoise_on(spectral_fit(architecture, data), y, middle_level) - x).squaredNorm() / real(x.cols());
  };
  const double linear = error(Polynomial<1>{});
  const double bounded = error(Polynomial<3, SpectralFeatures<>>{{.width = 40, .ridges = {1e-6}}});
  const double conservative =
      error(Polynomial<3, SpectralFeatures<>>{{.width = 40, .ridges = {1e-6}, .bounded = false}});
  const double free = error(Polynomial<3, SpectralFeatures<Monomials>>{{.width = 40, .ridges = {1e-6}}});
  CHECK(free < conservative);
  CHECK(conservative < bounded * (1.0 + 1e-9));
  CHECK(bounded < 0.99 * linear);
}

TEST_CASE("Samples and the leading form are the same in VP and VE coordinates", "[denoiser][polynomial]") {
  const Batch<double> x = samples(5, 60, 7);
  const Matrix<double> theta = random_matrix(5, 6, 8).colwise().normalized();
  const NoiseLevel vp = middle_level.variance_preserving();
  const NoiseLevel ve = middle_level.variance_exploding();
  const auto check = [&](const auto& architecture) {
    INFO(architecture.name());
    // A level is found again in other coordinates: what was fitted for VP predicts the same for VE.
    const auto model = fit(architecture, x, CustomSchedule({vp, NoiseLevel{}}), TestedBackend{});
    const Batch<double> y = random_matrix(5, 9, 9);
    CHECK(relative_difference(denoise_on(model, Batch<double>(y / ve.scale()), vp), denoise_on(model, y, ve)) < 1e-12);
    constexpr double far = 1e6;
    for (const NoiseLevel at : {vp, ve}) {
      const Vector<double> limit =
          theta.cwiseProduct(denoise_on(model, far * theta, at)).colwise().sum() / std::pow(far, 3);
      CHECK(relative_difference(limit, model.leading_form(theta, at)) < 1e-4);
    }
  };
  check(Polynomial<3, SpectralFeatures<>>{{.width = 20}});
  check(Polynomial<3, SpectralFeatures<Monomials>>{{.width = 20}});
}

TEST_CASE("A bounded leading form is nowhere positive", "[denoiser][polynomial]") {
  const Batch<double> x = samples(5, 60, 7);
  const Matrix<double> theta = random_matrix(5, 200, 8).colwise().normalized();
  const auto largest = [&](bool bounded) {
    return spectral_fit(Polynomial<3, SpectralFeatures<>>{{.width = 30, .bounded = bounded}}, x)
        .leading_form(theta, middle_level)
        .maxCoeff();
  };
  CHECK(largest(true) <= 0.0);
  CHECK(largest(false) > 0.0);
}

TEST_CASE("Jacobians equal differences, columns are independent", "[denoiser][polynomial]") {
  const Batch<double> x = samples(5, 60, 9);
  const auto check = [&](const auto& model) {
    const Batch<double> y = random_matrix(5, 1, 10);
    const Matrix<double> v = random_matrix(5, 3, 11);
    constexpr double step = 1e-5;
    const Batch<double> up = y.replicate(1, 3) + step * v;
    const Batch<double> down = y.replicate(1, 3) - step * v;
    CHECK(relative_difference(
              model.jacobian_product(y, v, middle_level),
              (denoise_on(model, up, middle_level) - denoise_on(model, down, middle_level)) / (2.0 * step)) < 1e-6);
    const Batch<double> many = random_matrix(5, 40, 12);
    CHECK(bitwise_equal(Batch<double>(denoise_on(model, many, middle_level).col(3)),
                        denoise_on(model, many.col(3), middle_level)));
  };
  check(spectral_fit(Polynomial<3, SpectralFeatures<>>{{.width = 30}}, x));
  check(spectral_fit(Polynomial<4, SpectralFeatures<Monomials>>{{.width = 30, .ridges = {0.1}}}, x));
}

TEST_CASE("Bad hyper-parameters of spectral features are refused", "[denoiser][polynomial]") {
  const Batch<double> x = samples(4, 30, 14);
  const auto refused = [&](SpectralFeatures<> features) {
    return message_of<InvalidArgument>([&] { (void)spectral_fit(Polynomial<3, SpectralFeatures<>>{features}, x); });
  };
  CHECK(refused({.width = 0}).find("width = 0") != std::string::npos);
  CHECK(refused({.exponents = {}}).find("no exponents") != std::string::npos);
  CHECK(refused({.exponents = {-1.0}}).find("exponent -1") != std::string::npos);
  CHECK(refused({.ridges = {0.0}}).find("ridge = 0") != std::string::npos);
  CHECK_THROWS_AS(
      fit(Polynomial<3, SpectralFeatures<>>{}, Batch<double>(Batch<double>::Ones(3, 4)), schedule(), TestedBackend{}),
      InvalidArgument);
}

TEST_CASE("The chosen ridge is the one that predicts samples that were left out", "[denoiser][polynomial]") {
  // Fewer samples than coefficients: the smallest ridge follows its 60 samples. The oracle is the error on noisy
  // samples of the same distribution that the fit has not seen, by Monte Carlo.
  const Batch<double> all = samples(6, 10060, 21);
  const Batch<double> x = all.leftCols(60);
  const Batch<double> fresh = all.rightCols(10000);
  const Batch<double> y = fresh + middle_sigma * random_matrix(6, 10000, 22);
  const auto compare = [&](auto features) {
    using Features = decltype(features);
    const auto error = [&](const std::vector<double>& ridges) {
      features.ridges = ridges;
      const auto model = spectral_fit(Polynomial<3, Features>{features}, x);
      return std::pair{(denoise_on(model, y, middle_level) - fresh).squaredNorm() / 10000.0,
                       model.fit_at(middle_level).ridge};
    };
    const std::vector<double> ridges{1e-6, 1e-3, 1e-1, 1.0, 10.0, 100.0};
    double least = std::numeric_limits<double>::infinity();
    for (const double ridge : ridges) {
      CHECK(error({ridge}).second == ridge);
      least = std::min(least, error({ridge}).first);
    }
    const auto [chosen, ridge] = error(ridges);
    CHECK(ridge > 1e-3);
    CHECK(chosen < 1.1 * least);
    CHECK(chosen < 0.9 * error({1e-6}).first);
  };
  compare(SpectralFeatures<Monomials>{.width = 60});
  compare(SpectralFeatures<>{.width = 60, .bounded = false});
}

TEST_CASE("Every backend's spectral features are those of the host", "[denoiser][polynomial]") {
  const Batch<double> x = samples(9, 60, 23);
  const Batch<double> y = 1.5 * random_matrix(9, 70, 24);
  const auto check = [&](const auto& architecture) {
    INFO(architecture.name());
    const auto compare = [&]<class Scalar>(const Batch<Scalar>& data, const Batch<Scalar>& noisy, double tolerance) {
      const auto model = fit(architecture, data, schedule(), TestedBackend{});
      const auto host = fit(architecture, data, schedule());
      CHECK(relative_difference(denoise_on(model, noisy, middle_level), host.denoise(noisy, middle_level)) < tolerance);
      const Matrix<double> theta = random_matrix(9, 4, 25).colwise().normalized();
      CHECK(relative_difference(model.leading_form(theta, middle_level), host.leading_form(theta, middle_level)) <
            1e2 * tolerance);
      // In its span as step by step.
      const auto there = upload(noisy);
      CHECK(relative_difference(download(model.materialise(model.coefficients(model.project(there), middle_level))),
                                host.denoise(noisy, middle_level)) < tolerance);
    };
    compare(x, y, 1e-12);
    // Products with the basis are in f32, the fit and all else in double.
    compare(Batch<float>(x.cast<float>()), Batch<float>(y.cast<float>()), 1e-6);
  };
  check(Polynomial<3, SpectralFeatures<>>{{.width = 20}});
  check(Polynomial<3, SpectralFeatures<>>{{.width = 20, .modes = 4}});
  check(Polynomial<4, SpectralFeatures<Monomials>>{{.width = 20, .modes = 5, .ridges = {0.1}}});
}
