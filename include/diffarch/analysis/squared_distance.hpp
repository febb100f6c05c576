#pragma once

#include "diffarch/core/batch.hpp"

namespace diffarch::detail {

/// |x - y|^2 of d values in double, always in the same order of summation; y = nullptr: |x|^2. Written for vector
/// instructions, which Eigen 3.4 does not use for the conversion.
template <class Scalar>
[[nodiscard]] double squared_distance(const Scalar* x, const double* y, Index d) noexcept {
  constexpr Index lanes = 16;
  double sums[lanes] = {};
  Index i = 0;
  for (; i + lanes <= d; i += lanes)
    for (Index lane = 0; lane < lanes; ++lane) {
      const double difference = static_cast<double>(x[i + lane]) - (y == nullptr ? 0.0 : y[i + lane]);
      sums[lane] += difference * difference;
    }
  for (Index lane = 0; lane < d % lanes; ++lane) {
    const double difference = static_cast<double>(x[i + lane]) - (y == nullptr ? 0.0 : y[i + lane]);
    sums[lane] += difference * difference;
  }
  for (Index width = lanes / 2; width > 0; width /= 2)
    for (Index lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  return sums[0];
}

}  // namespace diffarch::detail
