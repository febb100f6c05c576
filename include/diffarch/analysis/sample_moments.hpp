#pragma once

#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

namespace detail {

template <class Scalar>
[[nodiscard]] Vector<double> sample_mean(const Batch<Scalar>& samples) {
  require(samples.cols() >= 1, "sample_mean: no samples");
  using Real = Dependent<double, Scalar>;
  // About the first sample: a sum of values far from zero would lose digits.
  const Vector<Real> first = samples.col(0).template cast<double>();
  Vector<Real> sum = Vector<Real>::Zero(samples.rows());
  for (Index column = 1; column < samples.cols(); ++column) sum += samples.col(column).template cast<double>() - first;
  return first + sum / static_cast<double>(samples.cols());
}

template <class Scalar>
[[nodiscard]] Matrix<double> sample_covariance(const Batch<Scalar>& samples) {
  using Real = Dependent<double, Scalar>;
  const SerialEigen serial;  // the same bits whatever the number of threads
  const Matrix<Real> centred = samples.template cast<double>().colwise() - sample_mean(samples);
  return centred * centred.transpose() / static_cast<double>(samples.cols());
}

}  // namespace detail

/// Mean over the columns of samples (d, n), accumulated in double: (d). Samples far from the origin lose no digits.
/// Throws InvalidArgument without samples.
template <Samples X>
[[nodiscard]] Vector<double> sample_mean(const X& samples) {
  return detail::sample_mean(as_batch(samples));
}

/// Covariance (1/n) sum (x - mean)(x - mean)^T of samples (d, n), (d, d) in double: for low dimensions. Throws
/// InvalidArgument without samples.
template <Samples X>
[[nodiscard]] Matrix<double> sample_covariance(const X& samples) {
  return detail::sample_covariance(as_batch(samples));
}

}  // namespace diffarch
