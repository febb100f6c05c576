#pragma once

#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

/// Pixels of the input, relative to `pixel` and along one axis, that output pixel number `pixel` of L may depend on,
/// far from the borders. With pooling it depends on `pixel` modulo 2^pools. By interval propagation at compile time.
template <class L>
requires requires { L::input_interval(Interval{}); }
[[nodiscard]] constexpr Interval receptive_field(Index pixel = 0) {
  const Interval interval = L::input_interval({pixel, pixel});
  return {interval.first - pixel, interval.last - pixel};
}

}  // namespace diffarch::nn
