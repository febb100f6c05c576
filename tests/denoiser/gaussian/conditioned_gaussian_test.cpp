#include "diffarch/denoiser/gaussian/conditioned_gaussian.hpp"

#include <Eigen/LU>
#include <limits>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/exact_flow.hpp"
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

/// N(mean, covariance) in 7 dimensions, of rank 5, and its model.
struct SingularGaussian {
  Vector<double> mean = random_matrix(7, 1, 1);
  Matrix<double> covariance = [] {
    const Matrix<double> factor = random_matrix(7, 5, 2);
    return Matrix<double>(factor * factor.transpose());
  }();
  GaussianDenoiser<TestedBackend, double> model =
      fit(Linear{}, GaussianMoments<double>(mean, covariance), CosineSchedule{}, TestedBackend{});

  /// E[x0 | y, m] from the joint Gaussian of x0 and (y, m), dense.
  [[nodiscard]] Batch<double> joint_mean(const Matrix<double>& a, const Vector<double>& m, double s,
                                         const Batch<double>& y, NoiseLevel level) const {
    const Index k = a.rows();
    Matrix<double> b(7 + k, 7);
    b << level.signal * Matrix<double>::Identity(7, 7), a;
    Vector<double> noise(7 + k);
    noise << Vector<double>::Constant(7, level.noise * level.noise), Vector<double>::Constant(k, s * s);
    const Matrix<double> of_both = b * covariance * b.transpose() + Matrix<double>(noise.asDiagonal());
    Batch<double> both(7 + k, y.cols());
    both << y, m.replicate(1, y.cols());
    const Batch<double> innovation = both.colwise() - b * mean;
    return (covariance * b.transpose() * of_both.fullPivLu().solve(innovation)).colwise() + mean;
  }
};

TEST_CASE("A conditioned Gaussian predicts E[x0 | y, m] of the joint Gaussian", "[denoiser][linear]") {
  const SingularGaussian setting;
  const Batch<double> y = random_matrix(7, 4, 3);
  for (const Index k : {Index{1}, Index{3}, Index{6}}) {
    const Matrix<double> a = random_matrix(k, 7, 4);
    const Vector<double> m = random_matrix(k, 1, 5);
    for (const double s : {0.05, 1.0}) {
      const auto model = conditioned(setting.model, LinearMeasurement{a, m, s});
      REQUIRE(model.rank() == 5);
      for (const NoiseLevel level :
           {NoiseLevel::from_sigma(0.1), NoiseLevel::from_sigma(5.0), NoiseLevel::from_alpha_bar(0.5)})
        REQUIRE(relative_difference(denoise_on(model, y, level), setting.joint_mean(a, m, s, y, level)) < 1e-9);
    }
  }
}

TEST_CASE("Known elements are those of the prediction, and the others follow", "[denoiser][linear]") {
  const SingularGaussian setting;
  const Vector<double> m{{0.4, -1.1}};
  const auto model = conditioned(setting.model, ElementMeasurement{{5, 0}, m});
  Matrix<double> a = Matrix<double>::Zero(2, 7);
  a(0, 5) = 1.0;
  a(1, 0) = 1.0;
  REQUIRE(model.rank() == 3);
  const Batch<double> y = random_matrix(7, 4, 6);
  const NoiseLevel level = NoiseLevel::from_alpha_bar(0.3);
  const Batch<double> x0_hat = denoise_on(model, y, level);
  REQUIRE((x0_hat.row(5).array() - 0.4).abs().maxCoeff() < 1e-13);
  REQUIRE((x0_hat.row(0).array() + 1.1).abs().maxCoeff() < 1e-13);
  REQUIRE(relative_difference(x0_hat, setting.joint_mean(a, m, 0.0, y, level)) < 1e-10);
  // In any order, in one go or one after the other.
  const auto first = conditioned(setting.model, ElementMeasurement{{0}, Vector<double>{{-1.1}}});
  const auto both = conditioned(first, ElementMeasurement{{5}, Vector<double>{{0.4}}});
  REQUIRE(both.rank() == 3);
  REQUIRE(relative_difference(denoise_on(both, y, level), x0_hat) < 1e-10);
}

TEST_CASE("As many exact numbers as modes leave one point", "[denoiser][linear]") {
  const SingularGaussian setting;
  const Vector<double> point =
      setting.mean + setting.covariance * random_matrix(7, 1, 7);  // of the subspace of the model
  const Matrix<double> a = random_matrix(5, 7, 8);
  const auto model = conditioned(setting.model, LinearMeasurement{a, a * point});
  REQUIRE(model.rank() == 0);
  const Batch<double> x0_hat = denoise_on(model, random_matrix(7, 2, 9), NoiseLevel::from_sigma(1.0));
  for (Index j = 0; j < 2; ++j) REQUIRE(relative_difference(Vector<double>(x0_hat.col(j)), point) < 1e-10);
  // Of a model without modes noisy numbers say nothing.
  const auto again = conditioned(model, LinearMeasurement{a, Vector<double>::Zero(5), 1.0});
  REQUIRE(again.rank() == 0);
  REQUIRE(again.mean() == model.mean());
}

TEST_CASE("The flow of a conditioned Gaussian ends at the conditional distribution", "[denoiser][linear]") {
  const SingularGaussian setting;
  const Matrix<double> a = random_matrix(2, 7, 10);
  const Vector<double> m = random_matrix(2, 1, 11);
  for (const double s : {0.0, 0.3}) {
    const auto model = conditioned(setting.model, LinearMeasurement{a, m, s});
    const Matrix<double> gain =
        setting.covariance * a.transpose() *
        (a * setting.covariance * a.transpose() + s * s * Matrix<double>::Identity(2, 2)).inverse();
    const Vector<double> mean = setting.mean + gain * (m - a * setting.mean);
    const Matrix<double> covariance = setting.covariance - gain * a * setting.covariance;
    // The flow is affine: what it makes of the mean of y and of unit vectors says what it makes of y ~ N(mean, Sigma).
    const NoiseLevel from = NoiseLevel::from_sigma(1e5);
    Batch<double> y(7, 8);
    y << model.mean(), (1e5 * Matrix<double>::Identity(7, 7)).colwise() + model.mean();
    const Batch<double> x =
        TestedBackend::download(exact_flow(model, TestedBackend::upload(y), from, NoiseLevel::from_sigma(0.0)));
    REQUIRE(relative_difference(Vector<double>(x.col(0)), mean) < 1e-10);
    const Matrix<double> map = x.rightCols(7).colwise() - x.col(0);
    REQUIRE(relative_difference(Matrix<double>(map * map.transpose()), covariance) < 1e-8);
    if (s == 0.0) REQUIRE(((a * x).colwise() - m).cwiseAbs().maxCoeff() < 1e-11);
  }
}

TEST_CASE("In single precision a conditioned Gaussian is the same to rounding", "[denoiser][linear]") {
  const Batch<float> data = test::correlated_samples<float>(20, 60, 12);
  const auto in_float = fit(Linear{}, data, CosineSchedule{}, TestedBackend{});
  const auto in_double = fit(Linear{}, Batch<double>(data.cast<double>()), CosineSchedule{}, TestedBackend{});
  const ElementMeasurement half{{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}, data.col(0)(Eigen::seqN(0, 10, 2)).cast<double>()};
  const auto model = conditioned(in_float, half);
  REQUIRE(model.rank() == 10);
  const Batch<float> y = random_matrix<float>(20, 3, 13);
  const NoiseLevel level = NoiseLevel::from_sigma(0.5);
  const Batch<double> expected = denoise_on(conditioned(in_double, half), Batch<double>(y.cast<double>()), level);
  REQUIRE(relative_difference(denoise_on(model, y, level), expected) < 1e-4);
}

TEST_CASE("A Gaussian is not conditioned on what contradicts itself", "[denoiser][linear]") {
  const SingularGaussian setting;
  const Vector<double> two = Vector<double>::Zero(2);
  REQUIRE(message_of<InvalidArgument>([&] {
            (void)conditioned(setting.model, ElementMeasurement{{3, 3}, two});
          }) ==
          "measurement: one of the 2 numbers is constant or known from the others; expected numbers of variances of "
          "their own, or a deviation above rounding");
  REQUIRE(message_of<DimensionMismatch>([&] {
            (void)conditioned(setting.model, ElementMeasurement{{3, 7}, two});
          }) == "measurement: element 7 of samples of dimension 7");
  REQUIRE_NOTHROW(conditioned(setting.model, ElementMeasurement{{3, 3}, two, 0.1}));
}

}  // namespace
}  // namespace diffarch
