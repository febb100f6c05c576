#pragma once

namespace diffarch::nn::detail {

// ReLU and LeakyReLU, forward and backward, for all kernels: layers of their own, batch norms that end in one, thin
// products, and the device. A Number is one number or a vector register of them. NaN stays NaN, forward and backward:
// `!(x > 0) ? 0 : x` makes 0 of it, and a network whose weights have left the finite numbers then goes on with a finite
// loss.

/// max(x, 0).
template <class Number>
[[nodiscard]] constexpr Number relu(Number x) {
  const Number zero{};
  return x < zero ? zero : x;
}

/// x for x > 0, else slope * x, slope in [0, 1].
template <class Number>
[[nodiscard]] constexpr Number leaky_relu(Number x, Number slope) {
  const Number zero{};
  const Number scaled = slope * x;  // in any case: a branch would keep the compiler from using vectors
  return x > zero ? x : scaled;
}

/// The gradient of x for the gradient dy of relu(x): dy where x > 0, else 0, and NaN where x is not finite.
template <class Number>
[[nodiscard]] constexpr Number relu_gradient(Number x, Number dy) {
  const Number zero{};
  return (x > zero ? dy : zero) + x * zero;
}

/// The gradient of x for the gradient dy of y = leaky_relu(x, slope), from x or y: dy where x > 0, else slope * dy, and
/// NaN where x is NaN.
template <class Number>
[[nodiscard]] constexpr Number leaky_relu_gradient(Number x, Number dy, Number slope) {
  const Number zero{};
  const Number scaled = slope * dy + x * zero;
  return x > zero ? dy : scaled;
}

}  // namespace diffarch::nn::detail
