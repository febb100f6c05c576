#include "diffarch/denoiser/gaussian/gaussian_denoiser.hpp"

#include <Eigen/Cholesky>

#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::correlated_samples;
using test::denoise_on;
using test::message_of;
using test::random_matrix;
using test::relative_difference;
using test::TestedBackend;

template <class Scalar>
GaussianDenoiser<TestedBackend, Scalar> model_of(const Batch<Scalar>& data, Centring centring = Centring::mean) {
  return GaussianDenoiser<TestedBackend, Scalar>(principal_components<TestedBackend>(data, centring));
}

/// mean + s Sigma (s^2 Sigma + noise^2 I)^-1 (y - s mean) with a dense factorisation: no eigenmodes.
Matrix<double> dense_posterior_mean(const Vector<double>& mean, const Matrix<double>& covariance,
                                    const Matrix<double>& y, NoiseLevel level) {
  const Index d = mean.size();
  const Matrix<double> marginal =
      level.signal * level.signal * covariance + level.noise * level.noise * Matrix<double>::Identity(d, d);
  const Matrix<double> centred = y.colwise() - level.signal * mean;
  return ((level.signal * covariance) * marginal.ldlt().solve(centred)).colwise() + mean;
}

const std::vector<NoiseLevel> levels = {NoiseLevel::from_alpha_bar(1e-4), NoiseLevel::from_alpha_bar(0.5),
                                        NoiseLevel::from_alpha_bar(0.99), NoiseLevel::from_sigma(0.1),
                                        NoiseLevel::from_sigma(1.0),      NoiseLevel::from_sigma(50.0)};

TEST_CASE("The Gaussian denoiser is the dense posterior mean, for singular covariances too", "[denoiser]") {
  // 8 x 50 has full rank; 50 x 8 and the repeated dimension are singular.
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{8, 50}, {50, 8}, {9, 40}}) {
    Batch<double> data = correlated_samples(d, n, 1);
    if (d == 9) data.row(8) = data.row(0);
    const Vector<double> mean = data.rowwise().mean();
    const Matrix<double> centred = data.colwise() - mean;
    const auto model = model_of(data);
    REQUIRE(model.dimension() == d);
    REQUIRE(model.rank() == (d == 9 ? 8 : std::min(d, n - 1)));
    for (const NoiseLevel level : levels) {
      INFO(d << " x " << n << ", sigma = " << level.sigma());
      const Batch<double> y = level.signal * correlated_samples(d, 7, 2) + level.noise * random_matrix(d, 7, 3);
      // The dense solve has condition (s^2 lambda_1 + noise^2) / noise^2 < 2e4 at sigma = 0.1: eps times that.
      REQUIRE(relative_difference(denoise_on(model, y, level),
                                  dense_posterior_mean(mean, centred * centred.transpose() / test::real(n), y, level)) <
              1e-11);
    }
  }
}

TEST_CASE("Without a bias the denoiser is the best linear map of second moments", "[denoiser]") {
  const Batch<double> data = correlated_samples(6, 30, 4);
  const auto model = model_of(data, Centring::none);
  const NoiseLevel level = NoiseLevel::from_alpha_bar(0.7);
  const Batch<double> y = random_matrix(6, 5, 5);
  REQUIRE(relative_difference(denoise_on(model, y, level),
                              dense_posterior_mean(Vector<double>::Zero(6), data * data.transpose() / 30.0, y, level)) <
          1e-12);  // condition about 100
  REQUIRE(denoise_on(model, Batch<double>::Zero(6, 1), level).norm() == 0.0);
}

TEST_CASE("The denoiser returns the mean of pure noise and the projection of clean samples", "[denoiser]") {
  const Batch<double> data = correlated_samples(12, 5, 6);
  const Vector<double> mean = data.rowwise().mean();
  const auto model = model_of(data);
  const Batch<double> y = random_matrix(12, 3, 7);
  REQUIRE(relative_difference(denoise_on(model, y, NoiseLevel::from_alpha_bar(0.0)), mean.replicate(1, 3)) < 1e-15);
  // The training samples lie in the span of the modes, so the clean level keeps them.
  REQUIRE(relative_difference(denoise_on(model, data, NoiseLevel{}), data) < 1e-13);
  const Matrix<double> basis = test::download(model.basis());
  const Matrix<double> projected = basis * (basis.transpose() * (y.colwise() - mean));
  REQUIRE(relative_difference(denoise_on(model, y, NoiseLevel{}), projected.colwise() + mean) < 1e-13);
}

TEST_CASE("A model without modes predicts the mean", "[denoiser]") {
  const Batch<double> data = Batch<double>::Constant(3, 4, 0.1);
  const auto model = model_of(data);
  REQUIRE(model.rank() == 0);
  for (const NoiseLevel level : {NoiseLevel::from_sigma(1.0), NoiseLevel{}, NoiseLevel::from_alpha_bar(0.0)})
    REQUIRE(bitwise_equal(denoise_on(model, random_matrix(3, 2, 8), level), Batch<double>(data.leftCols(2))));
}

TEST_CASE("The model tells mean, eigenvalues, basis and the mean's coordinates", "[denoiser]") {
  const Batch<double> data = correlated_samples(5, 20, 9);
  const auto modes = principal_components<TestedBackend>(data);
  const auto model = model_of(data);
  REQUIRE(bitwise_equal(Vector<double>(model.mean()), modes.mean));
  REQUIRE(bitwise_equal(Vector<double>(model.eigenvalues()), modes.eigenvalues));
  const Matrix<double> basis = test::download(modes.basis);
  REQUIRE(bitwise_equal(test::download(model.basis()), basis));
  REQUIRE(relative_difference(model.mean_coordinates(), basis.transpose() * modes.mean) < 1e-14);
}

TEMPLATE_TEST_CASE("A column's prediction does not depend on the other columns, bitwise", "[denoiser]", float, double) {
  const Batch<TestType> data = correlated_samples<TestType>(67, 30, 10);
  const auto model = model_of(data);
  const Batch<TestType> y = random_matrix<TestType>(67, 50, 11);
  const Batch<TestType> all = denoise_on(model, y, levels[1]);
  for (const auto& [first, count] : std::vector<std::pair<Index, Index>>{{0, 1}, {31, 1}, {3, 40}, {49, 1}})
    REQUIRE(bitwise_equal(denoise_on(model, Batch<TestType>(y.middleCols(first, count)), levels[1]),
                          Batch<TestType>(all.middleCols(first, count))));
}

TEST_CASE("Float and double models agree to float rounding", "[denoiser]") {
  const Batch<double> data = correlated_samples(30, 80, 12);
  const Batch<double> y = random_matrix(30, 6, 13);
  const Batch<float> narrow = denoise_on(model_of(Batch<float>(data.cast<float>())), y.cast<float>(), levels[4]);
  // Two products of 30 terms in float: 60 eps.
  REQUIRE(relative_difference(narrow, denoise_on(model_of(data), y, levels[4])) < 4e-6);
}

TEST_CASE("Batches and gains that do not fit the model are refused with both sizes", "[denoiser]") {
  const auto model = model_of(correlated_samples(5, 20, 14));
  REQUIRE(message_of<DimensionMismatch>([&] { return denoise_on(model, Batch<double>::Zero(4, 2), levels[0]); }) ==
          "denoise: y is (4, 2) but the model has dimension 5");
  REQUIRE(message_of<DimensionMismatch>([&] {
            return model.apply_gains(test::upload(Batch<double>::Zero(5, 2)), 1.0, Vector<double>::Ones(3));
          }) == "apply_gains: 3 gains for 5 modes");
}

}  // namespace
}  // namespace diffarch
