#include "diffarch/analysis/moment_matching.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::relative_difference;

/// A Gaussian with given modes in d dimensions.
struct Target {
  Vector<double> mean;
  Matrix<double> basis;
  Vector<double> variance;

  Target(Index d, Index modes) : mean(random_matrix(d, 1, 1)), variance(modes) {
    basis = Eigen::HouseholderQR<Matrix<double>>(random_matrix(d, modes, 2)).householderQ() *
            Matrix<double>::Identity(d, modes);
    for (Index mode = 0; mode < modes; ++mode) variance(mode) = 4.0 * std::pow(0.3, test::real(mode));
  }
  [[nodiscard]] Matrix<double> covariance() const { return basis * variance.asDiagonal() * basis.transpose(); }
  [[nodiscard]] Batch<double> draw(Index n, unsigned seed) const {
    return (basis * variance.cwiseSqrt().asDiagonal() * random_matrix(variance.size(), n, seed)).colwise() + mean;
  }
  [[nodiscard]] Batch<double> matched(const Batch<double>& samples) const {
    return match_moments(samples, mean, basis, variance);
  }
};

TEST_CASE("Matched samples have the given mean and covariance to rounding, with K + 1 samples already", "[analysis]") {
  const Target target(9, 5);
  for (const Index n : {6, 7, 50, 1000}) {
    // Samples of any kind: the right law, and cubes of it, far from Gaussian and off the mean.
    for (const Batch<double>& samples : {target.draw(n, 3), Batch<double>(target.draw(n, 4).array().cube())}) {
      const Batch<double> matched = target.matched(samples);
      REQUIRE(matched.cols() == n);
      const Vector<double> mean = matched.rowwise().mean();
      const Matrix<double> centred = matched.colwise() - mean;
      // Householder QR is orthonormal to a few eps; sums of up to 1000 terms.
      REQUIRE(relative_difference(mean, target.mean) < 1e-13);
      REQUIRE(relative_difference(centred * centred.transpose() / test::real(n), target.covariance()) < 1e-12);
    }
  }
}

TEST_CASE("Samples that match already are not changed", "[analysis]") {
  const Target target(9, 5);
  const Batch<double> once = target.matched(target.draw(40, 5));
  REQUIRE(relative_difference(target.matched(once), once) < 1e-13);
}

TEST_CASE("Matching moves many samples little: each mode stays on its side", "[analysis]") {
  const Target target(9, 5);
  const Batch<double> samples = target.draw(4000, 6);
  const Batch<double> matched = target.matched(samples);
  // Sampling errors of the moments are of order sqrt(K / n) = 0.035 of a standard deviation.
  for (Index mode = 0; mode < 5; ++mode) {
    const Vector<double> moved = (matched - samples).transpose() * target.basis.col(mode);
    REQUIRE(std::sqrt(moved.squaredNorm() / 4000.0) < 0.15 * std::sqrt(target.variance(mode)));
  }
}

TEST_CASE("Float samples match to float rounding", "[analysis]") {
  const Target target(9, 5);
  const Batch<float> samples = target.draw(100, 7).cast<float>();
  const Batch<float> matched =
      match_moments(samples, target.mean, Matrix<float>(target.basis.cast<float>()), target.variance);
  const Matrix<double> wide = matched.cast<double>();
  const Vector<double> mean = wide.rowwise().mean();
  const Matrix<double> centred = wide.colwise() - mean;
  // Coordinates, basis and result are rounded to 6e-8 each.
  REQUIRE(relative_difference(mean, target.mean) < 1e-6);
  REQUIRE(relative_difference(centred * centred.transpose() / 100.0, target.covariance()) < 1e-6);
}

TEST_CASE("Too few samples and shapes that disagree are refused", "[analysis]") {
  const Target target(9, 5);
  REQUIRE(message_of<InvalidArgument>([&] { return target.matched(target.draw(5, 8)); }) ==
          "match_moments: 5 samples cannot have 5 modes of given variance; expected at least 6");
  REQUIRE(message_of<DimensionMismatch>([&] { return target.matched(random_matrix(8, 20, 9)); }) ==
          "match_moments: samples (8, 20), mean (9), basis (9, 5), variances (5)");
}

}  // namespace
}  // namespace diffarch
