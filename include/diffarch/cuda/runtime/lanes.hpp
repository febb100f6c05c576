#pragma once

#include <cstdint>
#include <type_traits>

#include "diffarch/core/batch.hpp"

namespace diffarch::cuda {

/// `width` neighbouring numbers that one thread moves at once: four of f32 are one access of 16 bytes. Sums and
/// multiples are those of the numbers.
template <class Scalar, int width>
struct alignas(width * sizeof(Scalar) < 16 ? width * sizeof(Scalar) : 16) Lanes {
  Scalar numbers[width];

  // By value, so that memory is read and written in whole Lanes.
  friend constexpr Lanes operator+(Lanes a, Lanes b) {
    for (int i = 0; i < width; ++i) a.numbers[i] += b.numbers[i];
    return a;
  }
  friend constexpr Lanes operator*(Scalar factor, Lanes a) {
    for (int i = 0; i < width; ++i) a.numbers[i] *= factor;
    return a;
  }
};

/// An array of numbers as one of Lanes; its address must be a multiple of theirs.
template <int width, class Scalar>
[[nodiscard]] auto* as_lanes(Scalar* numbers) {
  using Value = Lanes<std::remove_const_t<Scalar>, width>;
  return reinterpret_cast<std::conditional_t<std::is_const_v<Scalar>, const Value, Value>*>(numbers);
}

/// body(4) where every count is a multiple of four, else body(1): the width as an std::integral_constant. Arrays begin
/// at addresses that suit both, as do those that lie such a count behind another.
template <class Body, class... Counts>
void with_lanes(const Body& body, Counts... counts) {
  if (((counts % 4 == 0) && ...))
    body(std::integral_constant<int, 4>{});
  else
    body(std::integral_constant<int, 1>{});
}

struct Quotient {
  Index quotient, remainder;
};

/// a / b, of numbers that are not negative: below 2^32 a division takes a GPU a fraction of the time of one of 64 bits.
[[nodiscard]] constexpr Quotient divide(Index a, Index b) {
  if (a > 0xFFFFFFFF || b > 0xFFFFFFFF) return {a / b, a % b};
  const auto quotient = static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  return {static_cast<Index>(quotient), a - static_cast<Index>(quotient) * b};
}

}  // namespace diffarch::cuda
