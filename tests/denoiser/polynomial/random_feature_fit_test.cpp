#include "diffarch/denoiser/polynomial/random_feature_fit.hpp"

#include <Eigen/LU>

#include "support.hpp"
#include "tested_backend.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

template <class Averaging>
auto fit_to(const Averaging& averaging, const Matrix<double>& noisy, double data_deviation) {
  return RandomFeatureFit<Averaging, TestedBackend>::fit(3, averaging, upload(noisy), data_deviation);
}

}  // namespace

TEST_CASE("The deviation of all values is that of their list", "[denoiser][polynomial]") {
  const Matrix<double> data = correlated_samples(7, 30, 9);
  const Vector<double> mean = data.rowwise().mean();
  const Vector<double> squares = (data.colwise() - mean).cwiseAbs2().rowwise().sum();
  const double expected = std::sqrt((data.array() - data.mean()).square().sum() / real(data.size() - 1));
  REQUIRE(diffarch::detail::deviation_of_values(mean, squares, data.cols()) == Approx(expected).epsilon(1e-13));
}

TEST_CASE("A fit to given noisy features is ridge regression", "[denoiser][polynomial]") {
  const Matrix<double> noisy = random_matrix(6, 30, 1);
  const Matrix<double> x = random_matrix(4, 30, 2);
  const Matrix<double> y = random_matrix(6, 5, 3);
  const auto check = [&](const Matrix<double>& weights, const Matrix<double>& h, const Matrix<double>& h_of_y,
                         double divisor, double ridge) {
    const Matrix<double> centred = h.colwise() - h.rowwise().mean();
    const Matrix<double> covariance = centred * centred.transpose() / divisor + ridge * Matrix<double>::Identity(6, 6);
    const Matrix<double> target = x.colwise() - x.rowwise().mean();
    const Matrix<double> expected =
        (target * centred.transpose() / divisor) * covariance.inverse() * (h_of_y.colwise() - h.rowwise().mean());
    CHECK(relative_difference(Matrix<double>(target * weights), expected) < 1e-10);
  };
  const auto single = fit_to(SingleDraw{.ridge = 1e-3}, noisy, 1.0);
  check(download(single.weights(single.centred_features(upload(y)))), noisy.array().cube(), y.array().cube(), 30.0,
        1e-3);

  const auto legacy = fit_to(Legacy{.ridge = 1e-3}, noisy, 0.5);
  const auto normalised = [](const Matrix<double>& a) {
    return Matrix<double>((a.array().rowwise() / a.cwiseAbs().colwise().maxCoeff().array()).cube() / 0.5);
  };
  check(download(legacy.weights(legacy.centred_features(upload(y)))), normalised(noisy), normalised(y), 29.0, 1e-3);
}

TEST_CASE("Legacy features ignore the scale of their input, and polynomials do not", "[denoiser][polynomial]") {
  const Matrix<double> noisy = random_matrix(6, 30, 4);
  const Matrix<double> y = random_matrix(6, 5, 5);
  const auto legacy = fit_to(Legacy{}, noisy, 1.0);
  CHECK(relative_difference(download(legacy.centred_features(upload(7.0 * y))),
                            download(legacy.centred_features(upload(y)))) < 1e-13);
  const auto single = fit_to(SingleDraw{}, noisy, 1.0);
  CHECK(relative_difference(download(single.centred_features(upload(7.0 * y))),
                            download(single.centred_features(upload(y)))) > 1.0);
}

TEST_CASE("Overflowing features and bad ridges are refused", "[denoiser][polynomial]") {
  const Matrix<double> huge = 1e100 * random_matrix(3, 10, 6);
  CHECK_THROWS_AS(fit_to(SingleDraw{}, huge, 1.0), NumericalError);
  CHECK_THROWS_AS(detail::check_averaging(ExactAverage{.ridge = 0.0}, true), InvalidArgument);
  CHECK(message_of<InvalidArgument>([] { detail::check_averaging(Legacy{}, true); }).find("no bias") !=
        std::string::npos);
}
