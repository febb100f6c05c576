#include "diffarch/io/npy_type.hpp"

#include <array>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Types of numbers are told by NumPy's names, others are refused", "[io]") {
  const auto type = [](const std::string& descr) { return detail::npy_type("file", descr); };
  REQUIRE(type("<f4").is_floating_point());
  REQUIRE(type(">u2").big_endian);
  REQUIRE(type(">u2").size == 2);
  REQUIRE_FALSE(type("|b1").big_endian);
  for (const char* bad : {"", "f4", "<f16", "<c8", "|O", "|S3", "<U3", "<M8[s]", "|V2", "=f4", "<f3"}) {
    CAPTURE(bad);
    REQUIRE_THROWS_AS(type(bad), FileError);
  }
  REQUIRE_THROWS_WITH(type("|O"), ContainsSubstring("dtype '|O' holds Python objects; expected numbers or booleans"));
}

TEST_CASE("Bytes, 16-bit numbers and booleans have a range, other numbers have none", "[io]") {
  const auto range = [](const std::string& descr) {
    return detail::npy_natural_range(detail::npy_type("file", descr));
  };
  REQUIRE(range("|u1") == ValueRange{0, 255});
  REQUIRE(range("<u2") == ValueRange{0, 65535});
  REQUIRE(range("|b1") == ValueRange{0, 1});
  for (const char* none : {"<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "<u4", "<u8"})
    REQUIRE_FALSE(range(none).given());
}

TEST_CASE("Blocks of either byte order are converted", "[io]") {
  std::array<unsigned char, 4> bytes{0x00, 0x3c, 0x00, 0xc0};
  std::array<double, 2> values{};
  detail::convert_npy_block(bytes.data(), 2, detail::npy_type("file", "<f2"), values.data());
  REQUIRE(values == std::array<double, 2>{1.0, -2.0});
  detail::convert_npy_block(bytes.data(), 2, detail::npy_type("file", ">u2"), values.data());
  REQUIRE(values == std::array<double, 2>{0x003c, 0x00c0});
}

}  // namespace
}  // namespace diffarch
