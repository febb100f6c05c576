#pragma once

#include <array>
#include <cmath>

#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/analysis/sample_moments.hpp"

namespace diffarch {

/// A statistic of every row and its standard error.
struct Estimate {
  Vector<double> value;
  Vector<double> error;  ///< standard deviation of `value` over data sets of this size, estimated by the jackknife
};

/// Moments of the distribution that samples (d, n) were drawn from, row by row: elements, or coordinates along modes.
struct MomentEstimates {
  Estimate mean;             ///< (d)
  Estimate variance;         ///< (d), unbiased
  Estimate skewness;         ///< (d), G1 = k3 / k2^(3/2); 0 for a Gaussian
  Estimate excess_kurtosis;  ///< (d), G2 = k4 / k2^2; 0 for a Gaussian
};

/// Standard error of the skewness of n >= 4 samples of a Gaussian, exactly (Joanes and Gill 1998), as the next:
/// what to compare with when the question is whether the samples are Gaussian.
[[nodiscard]] inline double gaussian_skewness_error(Index n) {
  detail::require(n >= 4, "gaussian_skewness_error: n = ", n, ", expected at least 4");
  const auto count = static_cast<double>(n);
  return std::sqrt(6.0 * count * (count - 1.0) / ((count - 2.0) * (count + 1.0) * (count + 3.0)));
}
/// That of the excess kurtosis.
[[nodiscard]] inline double gaussian_kurtosis_error(Index n) {
  const auto count = static_cast<double>(n);
  return 2.0 * gaussian_skewness_error(n) * std::sqrt((count * count - 1.0) / ((count - 3.0) * (count + 5.0)));
}

namespace detail {

/// Mean, k2, G1, G2 from the sums of n values' powers 1 ... 4 (Fisher's k-statistics).
[[nodiscard]] inline std::array<double, 4> fisher_statistics(double n, const std::array<double, 4>& power_sums) {
  const double mean = power_sums[0] / n;
  const double s2 = power_sums[1] - n * mean * mean;
  const double s3 = power_sums[2] - 3.0 * mean * power_sums[1] + 2.0 * n * mean * mean * mean;
  const double s4 = power_sums[3] - 4.0 * mean * power_sums[2] + 6.0 * mean * mean * power_sums[1] -
                    3.0 * n * mean * mean * mean * mean;
  const double k2 = s2 / (n - 1.0);
  const double k3 = n * s3 / ((n - 1.0) * (n - 2.0));
  const double k4 = (n * (n + 1.0) * s4 - 3.0 * (n - 1.0) * s2 * s2) / ((n - 1.0) * (n - 2.0) * (n - 3.0));
  return {mean, k2, k3 / (k2 * std::sqrt(k2)), k4 / (k2 * k2)};
}

/// Statistics and jackknife errors of one row, values about their mean so that power sums do not cancel.
template <class Row>
void estimate_row(const Row& centred, std::array<double, 4>& value, std::array<double, 4>& error) {
  const auto n = static_cast<double>(centred.size());
  std::array<double, 4> sums{};
  for (Index i = 0; i < centred.size(); ++i) {
    double power = 1.0;
    for (double& sum : sums) sum += power *= centred(i);
  }
  value = fisher_statistics(n, sums);
  std::array<double, 4> total{};
  std::array<double, 4> squares{};
  for (Index i = 0; i < centred.size(); ++i) {
    std::array<double, 4> without = sums;
    double power = 1.0;
    for (double& sum : without) sum -= power *= centred(i);
    const std::array<double, 4> statistic = fisher_statistics(n - 1.0, without);
    for (std::size_t k = 0; k < 4; ++k) {
      const double difference = statistic[k] - value[k];
      total[k] += difference;
      squares[k] += difference * difference;
    }
  }
  for (std::size_t k = 0; k < 4; ++k)
    error[k] = std::sqrt((n - 1.0) / n * std::max(0.0, squares[k] - total[k] * total[k] / n));
}

template <class Scalar>
[[nodiscard]] MomentEstimates moment_estimates(const Batch<Scalar>& samples) {
  const Index d = samples.rows();
  const Index n = samples.cols();
  require(n >= 5, "moment_estimates: ", n, " samples; expected at least 5");
  require_finite_samples("moment_estimates", "sample", samples);
  MomentEstimates result;
  const std::array<Estimate*, 4> parts{&result.mean, &result.variance, &result.skewness, &result.excess_kurtosis};
  for (Estimate* part : parts) *part = {Vector<double>(d), Vector<double>(d)};
  parallel_for(d, 40 * n, [&](Index row) {
    Vector<double> centred = samples.row(row).template cast<double>();
    // About the first value: a constant row has a mean without rounding, and so no variance at all.
    const double first = centred(0);
    centred.array() -= first;
    const double mean = centred.mean();
    centred.array() -= mean;
    std::array<double, 4> value{};
    std::array<double, 4> error{};
    estimate_row(centred, value, error);
    value[0] += first + mean;
    for (std::size_t k = 0; k < 4; ++k) {
      parts[k]->value(row) = value[k];
      parts[k]->error(row) = error[k];
    }
  });
  return result;
}

}  // namespace detail

/// Estimates mean, variance, skewness and excess kurtosis of every row of samples (d, n), n >= 5, with jackknife
/// errors, which need no assumption about the distribution (Efron and Stein 1981). Mean and variance are unbiased; G1
/// and G2 are for a Gaussian, and otherwise biased towards 0 by O(1/n): of n = 100 exponential values (skewness 2,
/// excess kurtosis 6) they are 1.82 and 4.4 on average, and the error of heavy-tailed kurtosis is itself
/// underestimated. A row without variance has skewness and kurtosis NaN, as has
/// the error of one that has variance by a single value only. Throws InvalidArgument for fewer samples or
/// one that is not finite.
template <Samples X>
[[nodiscard]] MomentEstimates moment_estimates(const X& samples) {
  return detail::moment_estimates(as_batch(samples));
}

/// Covariance matrix with the standard error of each element.
struct CovarianceEstimate {
  Matrix<double> value;  ///< (d, d), unbiased
  Matrix<double> error;  ///< (d, d)
};

namespace detail {

template <class Scalar>
[[nodiscard]] CovarianceEstimate covariance_estimate(const Batch<Scalar>& samples) {
  const Index n = samples.cols();
  require(n >= 3, "covariance_estimate: ", n, " samples; expected at least 3");
  require_finite_samples("covariance_estimate", "sample", samples);
  const SerialEigen serial;  // the same bits whatever the number of threads
  const Matrix<double> centred = samples.template cast<double>().colwise() - sample_mean(samples);
  const auto count = static_cast<double>(n);
  CovarianceEstimate result;
  result.value = centred * centred.transpose() / (count - 1.0);
  const Matrix<double> squares = centred.cwiseAbs2();
  result.error =
      ((squares * squares.transpose() / count - result.value.cwiseAbs2()) / (count - 1.0)).cwiseMax(0.0).cwiseSqrt();
  return result;
}

}  // namespace detail

/// Unbiased covariance of samples (d, n), n >= 3, and the standard errors sqrt((E[z_i^2 z_j^2] - c_ij^2) / (n - 1)), z
/// the centred samples, which hold for any distribution up to O(1/n). For low dimensions: memory O(d n + d^2). Throws
/// InvalidArgument for fewer samples or one that is not finite.
template <Samples X>
[[nodiscard]] CovarianceEstimate covariance_estimate(const X& samples) {
  return detail::covariance_estimate(as_batch(samples));
}

}  // namespace diffarch
