#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "diffarch/analysis/chi_square.hpp"
#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/analysis/sample_moments.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

/// How well samples agree with a predicted Gaussian, in the K modes of that Gaussian. The scores are standard normal
/// when the prediction is right, so a score is a test: |z| > 4.9 happens by chance once in a million.
struct GaussianAgreement {
  double mean_error = 0.0;           ///< root mean square over the d elements of (sample mean - predicted mean)
  double expected_mean_error = 0.0;  ///< what n independent samples of the prediction give on average (rms)
  Vector<double> measured_variance;  ///< (K): mean of (c - predicted mean)^2 per mode
  /// The modes that can be tested: those whose predicted variance is well above rounding.
  std::vector<Index> tested_modes;
  Vector<double> variance_ratio;      ///< measured over predicted variance, per tested mode
  double total_variance_ratio = 0.0;  ///< sum of measured over sum of predicted mode variances
  double mean_z = 0.0;                ///< joint test of the K means (chi-square, K degrees)
  double variance_z = 0.0;            ///< joint test of the K variances (chi-square, n K degrees)
  double worst_mode_z = 0.0;          ///< largest |z| among the K single-mode variance tests (n degrees each)
  /// Two-sided p-value of worst_mode_z corrected for K tests (Bonferroni), at most 1.
  double worst_mode_p_value = 1.0;
};

namespace detail {

template <class Scalar>
[[nodiscard]] GaussianAgreement gaussian_agreement(const Batch<Scalar>& samples, const Vector<double>& mean,
                                                   const Matrix<Scalar>& basis, const Vector<double>& mode_variance) {
  const Index n = samples.cols();
  const Index modes = mode_variance.size();
  require<DimensionMismatch>(samples.rows() == mean.size() && basis.rows() == mean.size() && basis.cols() == modes,
                             "gaussian_agreement: samples ", shape_text(samples), ", mean (", mean.size(), "), basis ",
                             shape_text(basis), ", variances (", modes, ")");
  require(n >= 1 && modes >= 1 && (mode_variance.array() > 0.0).all() && mode_variance.allFinite(),
          "gaussian_agreement: ", n, " samples, ", modes,
          " modes; expected at least one sample and one mode, and finite positive variances");
  require(mean.allFinite() && basis.allFinite(), "gaussian_agreement: the predicted mean or a mode is not finite");
  require_finite_samples("gaussian_agreement", "sample", samples);
  const Matrix<Scalar> centred = (samples.template cast<double>().colwise() - mean).template cast<Scalar>();
  const Matrix<double> coordinates = LinearAlgebra<Cpu>::multiply_transposed(basis, centred).template cast<double>();

  GaussianAgreement result;
  const auto count = static_cast<double>(n);
  result.mean_error = std::sqrt((sample_mean(samples) - mean).squaredNorm() / static_cast<double>(mean.size()));
  result.expected_mean_error = std::sqrt(mode_variance.sum() / (count * static_cast<double>(mean.size())));
  result.measured_variance = coordinates.array().square().rowwise().mean();
  result.total_variance_ratio = result.measured_variance.sum() / mode_variance.sum();
  const Vector<double> mean_coordinates = coordinates.rowwise().mean();

  const double epsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  const double norm_squared = samples.template cast<double>().squaredNorm() / count;
  Matrix<double> overlap = LinearAlgebra<Cpu>::multiply_transposed(basis, basis).template cast<double>();
  overlap.diagonal().setZero();
  const Vector<double> foreign_variance =
      (overlap.cwiseAbs2() * mode_variance).array() + epsilon * epsilon * norm_squared;
  double mean_statistic = 0.0;
  std::vector<double> ratios;
  for (Index mode = 0; mode < modes; ++mode) {
    if (mode_variance(mode) < 1000.0 * foreign_variance(mode)) continue;
    result.tested_modes.push_back(mode);
    ratios.push_back(result.measured_variance(mode) / mode_variance(mode));
    mean_statistic += count * mean_coordinates(mode) * mean_coordinates(mode) / mode_variance(mode);
  }
  require(!ratios.empty(), "gaussian_agreement: every predicted variance is below the rounding of the samples");
  result.variance_ratio = Eigen::Map<const Vector<double>>(ratios.data(), static_cast<Index>(ratios.size()));
  const auto tested = static_cast<double>(ratios.size());
  result.mean_z = chi_square_z(mean_statistic, tested);
  result.variance_z = chi_square_z(count * result.variance_ratio.sum(), count * tested);
  for (const double ratio : ratios)
    result.worst_mode_z = std::max(result.worst_mode_z, std::abs(chi_square_z(count * ratio, count)));
  result.worst_mode_p_value = std::min(1.0, tested * two_sided_p_value(result.worst_mode_z));
  return result;
}

}  // namespace detail

/// Compares samples (d, n) with the Gaussian of mean `mean` (d) and variances `mode_variance` (K) along the orthonormal
/// columns of `basis` (d, K). The coordinates c = basis^T (x - mean) are independent N(0, mode_variance) under the
/// prediction, which is what the tests assume. In a finite Scalar the basis is orthonormal to rounding only, so a mode
/// of tiny variance also sees a little of the large ones; modes in which that or the rounding of the samples is more
/// than a thousandth of the predicted variance are measured but left out of the tests. Throws DimensionMismatch;
/// InvalidArgument without samples or modes, for a variance that is not positive, a value that is not finite, or when
/// no mode can be tested.
template <Samples X>
[[nodiscard]] GaussianAgreement gaussian_agreement(const X& samples, const Vector<double>& mean,
                                                   const Matrix<typename X::Scalar>& basis,
                                                   const Vector<double>& mode_variance) {
  return detail::gaussian_agreement(as_batch(samples), mean, basis, mode_variance);
}

#ifdef DIFFARCH_COMPILED
extern template GaussianAgreement detail::gaussian_agreement(const Batch<float>&, const Vector<double>&,
                                                             const Matrix<float>&, const Vector<double>&);
extern template GaussianAgreement detail::gaussian_agreement(const Batch<double>&, const Vector<double>&,
                                                             const Matrix<double>&, const Vector<double>&);
#endif

}  // namespace diffarch
