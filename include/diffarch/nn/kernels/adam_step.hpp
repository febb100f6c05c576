#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>

#include "diffarch/core/finite_math.hpp"

/// One step of Adam for every element, for the kernels that take it.
namespace diffarch::nn {

/// Some parameters of a network and the gradient of the loss with respect to each, in memory of the backend.
template <class Scalar>
struct ParametersWithGradient {
  std::span<Scalar> parameters;
  std::span<const Scalar> gradient;
};

namespace detail {

/// The numbers of one step: see `Adam`.
template <class Scalar>
struct AdamCoefficients {
  Scalar weight1, weight2;  // 1 - beta
  Scalar correction;        // 1 / sqrt(1 - beta2^t)
  Scalar epsilon;
  Scalar step_size;  // lr / (1 - beta1^t)
};

/// The square root of x >= 0 by Newton's iteration for 1 / sqrt(x), to three units in the last place; below the
/// smallest normal number it may come out too small. Unlike std::sqrt it is arithmetic alone, so every compiler
/// vectorises it: they keep std::sqrt, which may set errno, out of vectors.
template <class Scalar>
[[nodiscard]] constexpr Scalar square_root(Scalar x) noexcept {
  constexpr bool single = std::same_as<Scalar, float>;
  using Bits = std::conditional_t<single, std::uint32_t, std::uint64_t>;
  constexpr auto magic = static_cast<Bits>(single ? 0x5F3759DFU : 0x5FE6EB50C7B537A9U);
  // Correct to 3.5 percent: halves and negates the exponent. Each iteration squares the error.
  Scalar y = std::bit_cast<Scalar>(magic - (std::bit_cast<Bits>(x) >> 1U));
  const Scalar half_x = Scalar(0.5) * x;
  for (int iteration = 0; iteration < (single ? 3 : 4); ++iteration) y *= Scalar(1.5) - half_x * y * y;
  return x * y;
}

/// Adam on one element. No sum has two products, so that fused multiply-add contraction, and with it every bit, is the
/// same wherever an element falls in a vector.
template <class Scalar>
constexpr void adam_element(Scalar& parameter, Scalar gradient, Scalar& mean, Scalar& mean_squared,
                            const AdamCoefficients<Scalar>& c) noexcept {
  const Scalar m = mean + c.weight1 * (gradient - mean);
  const Scalar v = mean_squared + c.weight2 * (gradient * gradient - mean_squared);
  mean = m;
  mean_squared = v;
  parameter -= c.step_size * m / (square_root(v) * c.correction + c.epsilon);
}

}  // namespace detail
}  // namespace diffarch::nn
