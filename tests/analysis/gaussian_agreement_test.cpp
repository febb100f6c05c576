#include "diffarch/analysis/gaussian_agreement.hpp"

#include <Eigen/QR>

#include "support.hpp"

namespace diffarch {
namespace {

using test::random_matrix;
using test::real;

/// Orthonormal columns (d, modes).
Matrix<double> orthonormal(Index d, Index modes, unsigned seed) {
  return Eigen::HouseholderQR<Matrix<double>>(random_matrix(d, modes, seed)).householderQ() *
         Matrix<double>::Identity(d, modes);
}

const Index d = 14;
const Index modes = 10;

struct Prediction {
  Vector<double> mean = random_matrix(d, 1, 1);
  Matrix<double> basis = orthonormal(d, modes, 2);
  Vector<double> variance = Vector<double>::LinSpaced(modes, 3.0, 0.1);

  [[nodiscard]] Batch<double> draw(Index n, unsigned seed) const {
    return (basis * variance.cwiseSqrt().asDiagonal() * random_matrix(modes, n, seed)).colwise() + mean;
  }
};

TEST_CASE("The figures of an agreement equal their definitions", "[analysis]") {
  const Prediction prediction;
  const Index n = 37;
  const Batch<double> samples = prediction.draw(n, 3).array() + 0.1;
  const auto result = gaussian_agreement(samples, prediction.mean, prediction.basis, prediction.variance);
  double total_measured = 0.0;
  double chi_square = 0.0;
  double mean_chi_square = 0.0;
  double worst = 0.0;
  for (Index mode = 0; mode < modes; ++mode) {
    double sum = 0.0;
    double squares = 0.0;
    for (Index j = 0; j < n; ++j) {
      const double c = prediction.basis.col(mode).dot(samples.col(j) - prediction.mean);
      sum += c;
      squares += c * c;
    }
    const double ratio = squares / real(n) / prediction.variance(mode);
    REQUIRE(result.variance_ratio(mode) == Approx(ratio).epsilon(1e-12));
    total_measured += squares / real(n);
    chi_square += squares / prediction.variance(mode);
    mean_chi_square += sum * sum / real(n) / prediction.variance(mode);
    worst = std::max(worst, std::abs(chi_square_z(real(n) * ratio, real(n))));
  }
  // Sums of a few hundred products.
  REQUIRE(result.total_variance_ratio == Approx(total_measured / prediction.variance.sum()).epsilon(1e-12));
  REQUIRE(result.variance_z == Approx(chi_square_z(chi_square, real(n * modes))).epsilon(1e-10));
  REQUIRE(result.mean_z == Approx(chi_square_z(mean_chi_square, real(modes))).epsilon(1e-10));
  REQUIRE(result.worst_mode_z == Approx(worst).epsilon(1e-10));
  REQUIRE(result.worst_mode_p_value == Approx(std::min(1.0, 10.0 * two_sided_p_value(worst))).epsilon(1e-9));
  const Vector<double> offset = samples.rowwise().mean() - prediction.mean;
  REQUIRE(result.mean_error == Approx(std::sqrt(offset.squaredNorm() / real(d))).epsilon(1e-12));
  REQUIRE(result.expected_mean_error ==
          Approx(std::sqrt(prediction.variance.sum() / real(n) / real(d))).epsilon(1e-12));
}

TEST_CASE("A right prediction is rejected at the stated rate", "[analysis]") {
  const Prediction prediction;
  const test::ThreadCount one(1);  // products too small to share
  const int trials = 1000;
  int mean_rejections = 0;
  int variance_rejections = 0;
  int mode_rejections = 0;
  double square_error = 0.0;
  double expected_error = 0.0;
  for (int trial = 0; trial < trials; ++trial) {
    const auto result = gaussian_agreement(prediction.draw(40, 100 + static_cast<unsigned>(trial)), prediction.mean,
                                           prediction.basis, prediction.variance);
    mean_rejections += std::abs(result.mean_z) > 1.96 ? 1 : 0;
    variance_rejections += std::abs(result.variance_z) > 1.96 ? 1 : 0;
    mode_rejections += result.worst_mode_p_value < 0.05 ? 1 : 0;
    square_error += result.mean_error * result.mean_error;
    expected_error = result.expected_mean_error;
  }
  // Five in a hundred of 1000, give or take five standard deviations of the binomial distribution (6.9): 6e-7.
  for (const int rejections : {mean_rejections, variance_rejections, mode_rejections}) {
    REQUIRE(rejections > 50 - 35);
    REQUIRE(rejections < 50 + 35);
  }
  // The mean square of the mean error, relative spread below sqrt(2 / trials) = 0.045 per mode at worst.
  REQUIRE(square_error / trials == Approx(expected_error * expected_error).epsilon(0.2));
}

TEST_CASE("A wrong mean and a wrong variance are found", "[analysis]") {
  const Prediction prediction;
  const Batch<double> samples = prediction.draw(2000, 4);
  const auto against = [&](const Vector<double>& mean, const Vector<double>& variance) {
    return gaussian_agreement(samples, mean, prediction.basis, variance);
  };
  const auto right = against(prediction.mean, prediction.variance);
  REQUIRE(std::abs(right.mean_z) < 4.9);
  REQUIRE(right.worst_mode_p_value > 1e-6);
  // A quarter of a standard deviation along one mode: 11 standard errors.
  const Vector<double> shifted = prediction.mean + 0.25 * std::sqrt(3.0) * prediction.basis.col(0);
  REQUIRE(against(shifted, prediction.variance).mean_z > 4.9);
  // A fifth of one mode's variance: six standard errors sqrt(2 / 2000).
  Vector<double> changed = prediction.variance;
  changed(7) *= 1.3;
  REQUIRE(against(prediction.mean, changed).worst_mode_p_value < 1e-6);
  REQUIRE(against(prediction.mean, 1.1 * prediction.variance).variance_z < -4.9);
}

TEST_CASE("A mode that varies less than the samples are rounded is measured but not tested", "[analysis]") {
  // Two modes about a mean of 1, one with variance 1, one with variance 1e-18: below the rounding of f32, above f64's.
  const Vector<double> mean = Vector<double>::Ones(2);
  const Vector<double> variance{{1.0, 1e-18}};
  const Matrix<double> noise = test::random_matrix(2, 500, 6);
  const Matrix<double> basis = Matrix<double>::Identity(2, 2);
  const Batch<double> samples = (variance.cwiseSqrt().asDiagonal() * noise).colwise() + mean;

  const auto rounded = gaussian_agreement(samples.cast<float>(), mean, basis.cast<float>(), variance);
  REQUIRE(rounded.tested_modes == std::vector<Index>{0});
  REQUIRE(rounded.variance_ratio.size() == 1);
  REQUIRE(rounded.measured_variance.size() == 2);
  REQUIRE(std::abs(rounded.variance_z) < 4.9);  // false alarm once in a million

  const Vector<double> resolved{{1.0, 1e-18 * 1e9}};  // 1e-9: far above the rounding of f64
  const Batch<double> fine = (resolved.cwiseSqrt().asDiagonal() * noise).colwise() + mean;
  REQUIRE(gaussian_agreement(fine, mean, basis, resolved).tested_modes == std::vector<Index>{0, 1});
}

TEST_CASE("Shapes that disagree, no samples and variances of zero are refused", "[analysis]") {
  const Prediction p;
  const Batch<double> samples = p.draw(5, 5);
  const Vector<double> short_mean = p.mean.head(3);
  REQUIRE(test::message_of<DimensionMismatch>([&] {
            return gaussian_agreement(samples, short_mean, p.basis, p.variance);
          }) == "gaussian_agreement: samples (14, 5), mean (3), basis (14, 10), variances (10)");
  REQUIRE_THAT(test::message_of<DimensionMismatch>(
                   [&] { return gaussian_agreement(samples, p.mean, p.basis, Vector<double>(p.variance.head(4))); }),
               ContainsSubstring("variances (4)"));
  const std::string expected =
      " samples, 10 modes; expected at least one sample and one mode, and finite positive variances";
  REQUIRE(test::message_of<InvalidArgument>([&] {
            return gaussian_agreement(Batch<double>(d, 0), p.mean, p.basis, p.variance);
          }) == "gaussian_agreement: 0" + expected);
  REQUIRE(test::message_of<InvalidArgument>([&] {
            return gaussian_agreement(samples, p.mean, p.basis, Vector<double>(Vector<double>::Zero(modes)));
          }) == "gaussian_agreement: 5" + expected);
}

}  // namespace
}  // namespace diffarch
