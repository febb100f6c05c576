#pragma once

#include <cmath>
#include <numbers>

#include "diffarch/core/error.hpp"

namespace diffarch {

/// Standard normal score z of a chi-square statistic with `degrees` degrees of freedom, by the cube-root transformation
/// of Wilson and Hilferty (1931). Its error in z: for 10 degrees below 0.02 when |z| < 2 and below 0.08 when |z| < 3.1;
/// for 100 degrees and more below 0.025 when |z| < 5.
/// Throws InvalidArgument unless statistic >= 0 and degrees > 0.
[[nodiscard]] inline double chi_square_z(double statistic, double degrees) {
  detail::require(statistic >= 0.0 && degrees > 0.0, "chi_square_z: statistic = ", statistic, ", degrees = ", degrees,
                  "; expected statistic >= 0 and degrees > 0");
  const double spread = 2.0 / (9.0 * degrees);
  return (std::cbrt(statistic / degrees) - (1.0 - spread)) / std::sqrt(spread);
}

/// Two-sided p-value of a standard normal score: P(|N(0, 1)| >= |z|).
[[nodiscard]] inline double two_sided_p_value(double z) { return std::erfc(std::abs(z) / std::numbers::sqrt2); }

}  // namespace diffarch
