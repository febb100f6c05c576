#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

// Numbers of files, which are little-endian, on a host of either byte order; and halves, which no type of C++20 holds.

namespace diffarch::detail {

/// The value whose little-endian bytes start at `bytes`, on a host of either byte order.
template <class T>
[[nodiscard]] T from_little_endian(const unsigned char* bytes) {
  using Wide = std::conditional_t<sizeof(T) <= 2, std::uint16_t, std::uint32_t>;
  using Bits =
      std::conditional_t<sizeof(T) == 8, std::uint64_t, std::conditional_t<sizeof(T) == 1, std::uint8_t, Wide>>;
  std::uint64_t bits = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) bits = bits << 8U | bytes[i];
  return std::bit_cast<T>(static_cast<Bits>(bits));
}

/// Turns little-endian numbers into the host's, and back.
template <class T>
void swap_on_big_endian([[maybe_unused]] std::span<T> values) {
  if constexpr (std::endian::native == std::endian::big) {
    for (T& value : values) {
      auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
      std::reverse(bytes.begin(), bytes.end());
      value = std::bit_cast<T>(bytes);
    }
  }
}

/// IEEE 754 binary16. Every value is a float.
[[nodiscard]] inline float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 0x1FU ? 0xFFU : exponent + 112U;
  return std::bit_cast<float>(sign | widened << 23U | fraction << 13U);
}

/// The upper half of a float.
[[nodiscard]] inline float float_of_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16U);
}

}  // namespace diffarch::detail
