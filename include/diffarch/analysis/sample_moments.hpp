#pragma once

#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"

namespace diffarch {

/// Mean over the columns of samples (d, n), accumulated in double: (d). Throws InvalidArgument for an empty batch.
template <class Scalar>
[[nodiscard]] Vector<double> sample_mean(const Batch<Scalar>& samples) {
  detail::require(samples.cols() >= 1, "sample_mean: no samples");
  Vector<double> mean = Vector<double>::Zero(samples.rows());
  for (Index column = 0; column < samples.cols(); ++column) mean += samples.col(column).template cast<double>();
  return mean / static_cast<double>(samples.cols());
}

/// Covariance (1/n) sum (x - mean)(x - mean)^T of samples (d, n), (d, d) in double: for low dimensions.
template <class Scalar>
[[nodiscard]] Matrix<double> sample_covariance(const Batch<Scalar>& samples) {
  const detail::SerialEigen serial;  // the same bits whatever the number of threads
  const Matrix<double> centred = samples.template cast<double>().colwise() - sample_mean(samples);
  return centred * centred.transpose() / static_cast<double>(samples.cols());
}

}  // namespace diffarch
