#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "diffarch/denoiser/posterior/lane_differences.hpp"
#include "diffarch/denoiser/posterior/posterior_weight.hpp"

namespace diffarch::detail {

/// exp(x) of -87 <= x <= 0, to 2e-7 of it: a power of two times the polynomial of Cephes' expf, which g++ and clang++
/// take for a whole vector. Half the operations of an exponential of any x, the most of which take care of its range.
[[nodiscard]] constexpr float exponential_of_negative(float x) noexcept {
  const auto power = static_cast<std::int32_t>(x * 1.44269504F - 0.5F);  // nearest: x / ln 2 is not positive
  const auto whole = static_cast<float>(power);
  const float rest = x - whole * 0.693359375F + whole * 2.12194440e-4F;  // of x, after `power` times ln 2
  float sum = 1.9875691500e-4F;
  sum = sum * rest + 1.3981999507e-3F;
  sum = sum * rest + 8.3334519073e-3F;
  sum = sum * rest + 4.1665795894e-2F;
  sum = sum * rest + 1.6666665459e-1F;
  sum = sum * rest + 5.0000001201e-1F;
  return (sum * (rest * rest) + rest + 1.0F) * std::bit_cast<float>(static_cast<std::uint32_t>(power + 127) << 23U);
}

/// weights[lane] = exp(-precision (distances[lane] - nearest)) of `image_lanes` squared distances >= nearest, at least
/// e^-80. precision: finite.
template <class Scalar>
void lane_weights(Scalar* weights, const Scalar* distances, Scalar nearest, Scalar precision) {
  const auto exponents =
      ((nearest - ConstImageLaneMap<Scalar>(distances)) * precision).max(-static_cast<Scalar>(vanishing_exponent));
  ImageLaneMap<Scalar> all(weights);
  // One register of AVX-512 holds all lanes, and Eigen's exponential keeps them in it.
  constexpr bool fills_register = Eigen::internal::packet_traits<Scalar>::size == image_lanes;
  if constexpr (std::is_same_v<Scalar, float> && !fills_register) {
    all = exponents;
    for (Index lane = 0; lane < image_lanes; ++lane) weights[lane] = exponential_of_negative(weights[lane]);
  } else {
    all = exponents.exp();
  }
}

}  // namespace diffarch::detail
