#include "diffarch/io/little_endian.hpp"

#include <cmath>
#include <limits>

#include "catch.hpp"

using namespace diffarch;

TEST_CASE("Little-endian bytes become the host's numbers", "[io]") {
  constexpr std::array<unsigned char, 8> bytes{1, 2, 3, 4, 5, 6, 7, 0x88};
  REQUIRE(detail::from_little_endian<std::uint32_t>(bytes.data()) == 0x04030201U);
  REQUIRE(detail::from_little_endian<std::uint64_t>(bytes.data()) == 0x8807060504030201U);
  REQUIRE(detail::from_little_endian<std::int64_t>(bytes.data()) < 0);
  REQUIRE(detail::from_little_endian<std::uint16_t>(bytes.data()) == 0x0201U);
  REQUIRE(detail::from_little_endian<std::int16_t>(bytes.data() + 6) == static_cast<std::int16_t>(0x8807));
  REQUIRE(detail::from_little_endian<std::int8_t>(bytes.data() + 7) == -120);
  constexpr std::array<unsigned char, 4> minus_two{0, 0, 0, 0xC0};
  REQUIRE(detail::from_little_endian<float>(minus_two.data()) == -2.0F);

  std::array<std::uint32_t, 2> numbers{0x04030201U, 7};
  detail::swap_on_big_endian(std::span<std::uint32_t>(numbers));
  const auto written = std::bit_cast<std::array<unsigned char, 8>>(numbers);
  REQUIRE(written == std::array<unsigned char, 8>{1, 2, 3, 4, 7, 0, 0, 0});
}

TEST_CASE("Every half is read as its value", "[io]") {
  // The definition of binary16: (-1)^s 2^(e - 15) (1 + f / 1024), subnormal for e = 0.
  for (unsigned bits = 0; bits < 0x10000U; ++bits) {
    const float value = detail::float_of_half(static_cast<std::uint16_t>(bits));
    const int exponent = static_cast<int>(bits >> 10U & 0x1FU);
    const auto fraction = static_cast<float>(bits & 0x3FFU) / 1024.0F;
    float expected = exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1.0F + fraction, exponent - 15);
    if (exponent == 31) expected = fraction == 0 ? std::numeric_limits<float>::infinity() : std::nanf("");
    const bool same = std::isnan(expected) ? std::isnan(value) : std::abs(value) == expected;
    if (!same || std::signbit(value) != (bits >> 15U != 0)) FAIL(bits << " is read as " << value);
  }
}

TEST_CASE("bfloat16 is the upper half of a float", "[io]") {
  REQUIRE(detail::float_of_bfloat16(0x3F80) == 1.0F);
  REQUIRE(detail::float_of_bfloat16(0xC049) == -3.140625F);
}
