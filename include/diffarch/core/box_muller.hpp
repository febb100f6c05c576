#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "diffarch/core/finite_math.hpp"

namespace diffarch {

/// How many words, or pairs of normal numbers, are worked on at a time.
inline constexpr std::size_t random_lanes = 16;

using WordLanes = std::array<std::uint32_t, random_lanes>;  ///< one word of each lane
using NormalLanes = std::array<double, random_lanes>;       ///< one normal number of each lane

/// Two independent normal numbers of each lane.
struct NormalPairs {
  NormalLanes first, second;
};

namespace detail {

// Nothing below branches, calls a library or reads a table, so that compilers make vector instructions of a loop over
// lanes. Conversions between integers and numbers go by the bits, which every vector unit can handle.

inline constexpr std::uint64_t bits_of_one = 0x3FF0000000000000U;

/// -2 log((word + 1/2) 2^-32), to two units in the last place. Writes the number as 2^k m with m in
/// [sqrt(1/2), sqrt(2)), f = m - 1 and s = f / (2 + f): log(1 + f) = f - f^2 / 2 + s (f^2 / 2 + R), where
/// R = 2 artanh(s) / s - 2 is, by Remez' exchange, a polynomial in s^2 within 2^-58. This form, which keeps f exact
/// where k = 0, is that of FreeBSD's e_log.c.
[[nodiscard]] constexpr double minus_two_log_uniform(std::uint32_t word) noexcept {
  const double uniform =
      std::bit_cast<double>(bits_of_one | std::uint64_t{word} << 20U | std::uint64_t{1} << 19U) - 1.0;
  const auto bits = std::bit_cast<std::uint64_t>(uniform);
  constexpr std::uint64_t bias = 64;  // k > -64
  constexpr std::uint64_t root_half = 0x3FE6A09E667F3BCDU;
  const std::uint64_t biased = (bits - root_half + (bias << 52U)) >> 52U;  // k + bias
  const double k = std::bit_cast<double>(0x4330000000000000U | biased) - (0x1p52 + static_cast<double>(bias));
  const double f = std::bit_cast<double>(bits - (biased << 52U) + (bias << 52U)) - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double half_square = 0.5 * f * f;
  double r = 0.1479595352520824;
  r = r * z + 0.15314050162244672;
  r = r * z + 0.18183564342221895;
  r = r * z + 0.22222198572840465;
  r = r * z + 0.28571428742391597;
  r = r * z + 0.39999999999414654;
  r = r * z + 0.6666666666666734;
  constexpr double ln2_high = 0x1.62e42fefa38p-1;  // 41 bits: its product with k is exact
  constexpr double ln2_low = 5.497923018708371e-14;
  const double small = s * (half_square + z * r) + k * ln2_low;
  return 2.0 * ((half_square - small) - f) - 2.0 * ln2_high * k;
}

/// The square root of x in [1e-10, 100], to one unit in the last place: three of Newton's iterations for 1 / sqrt(x)
/// and one for sqrt(x). std::sqrt may set errno, and compilers keep it out of vectors for that.
[[nodiscard]] constexpr double square_root_by_newton(double x) noexcept {
  // Correct to 3.5 percent: halves and negates the exponent.
  double y = std::bit_cast<double>(0x5FE6EB50C7B537A9U - (std::bit_cast<std::uint64_t>(x) >> 1U));
  const double half_x = 0.5 * x;
  y *= 1.5 - half_x * y * y;
  y *= 1.5 - half_x * y * y;
  y *= 1.5 - half_x * y * y;
  const double root = x * y;
  return root + 0.5 * y * (x - root * root);
}

struct CosineAndSine {
  double cosine, sine;
};

/// Of 2 pi u, u = (word + 1/2) 2^-32, each to two units in the last place. 4 u = q + r with an integer q and
/// |r| <= 1/2, exactly; polynomials in r^2, again by Remez' exchange, give sine and cosine of pi / 2 r.
[[nodiscard]] constexpr CosineAndSine cosine_and_sine_of_turn(std::uint32_t word) noexcept {
  const std::uint64_t shifted = std::uint64_t{word} + (std::uint64_t{1} << 29U);
  const std::uint64_t fraction = shifted & 0x3FFFFFFFU;
  const std::uint64_t quarter = shifted >> 30U;
  const double r = std::bit_cast<double>(bits_of_one | fraction << 22U | std::uint64_t{1} << 21U) - 1.5;
  const double z = r * r;
  double sine = 5.634675066094158e-08;
  sine = sine * z - 3.5986493404670036e-06;
  sine = sine * z + 0.0001604411525984208;
  sine = sine * z - 0.004681754132616254;
  sine = sine * z + 0.07969262624606273;
  sine = sine * z - 0.645964097506245;
  sine = sine * z + 6.123233995736766e-17;  // the rest of pi / 2
  sine = r * (sine + 1.5707963267948966);
  double cosine = -6.324759260608213e-09;
  cosine = cosine * z + 4.710641613495033e-07;
  cosine = cosine * z - 2.520203792048132e-05;
  cosine = cosine * z + 0.0009192602743911194;
  cosine = cosine * z - 0.020863480763330805;
  cosine = cosine * z + 0.2536695079010476;
  cosine = cosine * z - 1.2337005501361697;
  cosine = cosine * z + 1.0;
  // A quarter turn makes (cosine, sine) (-sine, cosine).
  const auto sine_bits = std::bit_cast<std::uint64_t>(sine);
  const auto cosine_bits = std::bit_cast<std::uint64_t>(cosine);
  const std::uint64_t swap = (sine_bits ^ cosine_bits) & (std::uint64_t{0} - (quarter & 1U));
  return {std::bit_cast<double>((cosine_bits ^ swap) ^ ((quarter + 1U) & 2U) << 62U),
          std::bit_cast<double>((sine_bits ^ swap) ^ (quarter & 2U) << 62U)};
}

}  // namespace detail

/// One pair of what `box_muller` makes, the same up to the rounding of what a compiler contracts: for device code,
/// where every thread has one.
[[nodiscard]] constexpr std::array<double, 2> box_muller_pair(std::uint32_t u, std::uint32_t v) noexcept {
  const double radius = detail::square_root_by_newton(detail::minus_two_log_uniform(u));
  const auto [cosine, sine] = detail::cosine_and_sine_of_turn(v);
  return {radius * cosine, radius * sine};
}

/// Four independent normal numbers from four words of 32 random bits: the two pairs, one after the other.
[[nodiscard]] constexpr std::array<double, 4> box_muller_block(const std::array<std::uint32_t, 4>& words) noexcept {
  const auto [a, b] = box_muller_pair(words[0], words[1]);
  const auto [c, d] = box_muller_pair(words[2], words[3]);
  return {a, b, c, d};
}

/// Pairs of independent standard normal numbers, sqrt(-2 log u) (cos 2 pi v, sin 2 pi v), from pairs of words, each of
/// which stands for the uniform number (word + 1/2) 2^-32. |value| < 6.8; relative error below three units in the last
/// place. Lane i depends on the words of lane i alone, and in the same way for every i: callers share one compiled
/// function that always works on all lanes, so even what a compiler contracts to fused multiply-add is the same.
/// Source: Box and Muller, "A note on the generation of random normal deviates", 1958.
[[nodiscard, gnu::noinline]] inline NormalPairs box_muller(const WordLanes& u, const WordLanes& v) noexcept {
  NormalPairs pairs;
  NormalLanes radius;
  for (std::size_t i = 0; i < random_lanes; ++i)
    radius[i] = detail::square_root_by_newton(detail::minus_two_log_uniform(u[i]));
  for (std::size_t i = 0; i < random_lanes; ++i) {
    const auto [cosine, sine] = detail::cosine_and_sine_of_turn(v[i]);
    pairs.first[i] = radius[i] * cosine;
    pairs.second[i] = radius[i] * sine;
  }
  return pairs;
}

}  // namespace diffarch
