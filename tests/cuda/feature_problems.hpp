#pragma once

#include "diffarch/cuda/algebra/power_features.hpp"
#include "support.hpp"

// What the tests of the polynomial kernels share.

namespace diffarch::test {

[[nodiscard]] inline Matrix<double> lower(const Matrix<double>& m) { return m.triangularView<Eigen::Lower>(); }

/// Noise whose covariance is that of the rows of `mixing`.
[[nodiscard]] inline cuda::FeatureNoise noise_of(const Matrix<double>& mixing) {
  return cuda::feature_noise(cuda::DeviceArray<double>::upload(Matrix<double>(mixing.transpose())));
}

[[nodiscard]] inline double largest_difference(const Matrix<double>& a, const Matrix<double>& b) {
  return (a - b).cwiseAbs().maxCoeff();
}

}  // namespace diffarch::test
