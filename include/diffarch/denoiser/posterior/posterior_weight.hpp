#pragma once

#include <cmath>
#include <limits>

#include "diffarch/core/noise_level.hpp"

namespace diffarch::detail {

// The weights exp(-residual / (2 noise^2)) of posterior means over training samples and patches, taken relative to the
// smallest residual.

/// A weight below e^-40 of the largest is less than a rounding of the sum, in double too.
inline constexpr double negligible_exponent = 40.0;

/// A weight below e^-80 of the largest is taken as zero: of float, what follows are denormal numbers, in products with
/// which many processors take a hundred times as long.
inline constexpr double vanishing_exponent = 80.0;

/// 1 / (2 noise^2); infinity without noise.
[[nodiscard]] inline double posterior_precision(NoiseLevel level) noexcept {
  return level.is_clean() ? std::numeric_limits<double>::infinity() : 1.0 / (2.0 * level.noise * level.noise);
}

/// exp(-precision excess) of a squared distance that exceeds the smallest by `excess` >= 0; the limit without noise,
/// where precision is infinite, is 1 at the minimum and 0 elsewhere.
template <class Real>
[[nodiscard]] constexpr Real posterior_weight(Real excess, Real precision) noexcept {
  if (excess == Real(0)) return Real(1);
  const Real exponent = precision * excess;
  return exponent > static_cast<Real>(vanishing_exponent) ? Real(0) : std::exp(-exponent);
}

/// Whether that weight is nothing beside that of the smallest distance.
[[nodiscard]] constexpr bool is_negligible(double excess, double precision) noexcept {
  return excess * precision > negligible_exponent;
}

/// Squared distances |y - signal x|^2 = |y|^2 - 2 signal x.y + signal^2 |x|^2 from products x.y that were summed in
/// Scalar. They cancel when y is close to signal x. Where the rounding of the product then matters, noise is so low
/// that few samples have a weight, and these are to be measured again.
template <class Scalar>
struct DistancesFromProducts {
  double signal;
  double precision;     ///< of the posterior
  double largest_norm;  ///< |x| of the largest sample

  [[nodiscard]] constexpr double squared_distance(double y_squared, Scalar product, double x_squared) const {
    return y_squared - signal * (2.0 * static_cast<double>(product) - signal * x_squared);
  }
  /// Returns a bound on the rounding error of any squared distance of a y with |y|^2 = y_squared.
  [[nodiscard]] constexpr double error(double y_squared) const {
    return 2.0 * static_cast<double>(std::numeric_limits<Scalar>::epsilon()) * signal * std::sqrt(y_squared) *
           largest_norm;
  }
  /// Whether an exponent can be wrong by more than is left to the products.
  [[nodiscard]] constexpr bool must_be_measured(double error) const { return error * precision > 2e-3; }
  /// Samples beyond this squared distance have no weight, `nearest` being the smallest one found so far.
  [[nodiscard]] constexpr double reach(double nearest, double error) const {
    return nearest + negligible_exponent / precision + 8.0 * error;
  }
};

}  // namespace diffarch::detail
