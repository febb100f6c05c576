#include "diffarch/data/exif_orientation.hpp"

#include <array>
#include <string>

#include "data/exif_blocks.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using detail::ByteSpan;
using test::exif_block;

ByteSpan span_of(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

TEST_CASE("An image is turned as PIL's exif_transpose turns it, for all eight orientations", "[data]") {
  // PIL 9.4 of 0 1 2 / 3 4 5, printed by make_fixtures.py.
  const std::array<std::vector<int>, 8> upright{{{0, 1, 2, 3, 4, 5},
                                                 {2, 1, 0, 5, 4, 3},
                                                 {5, 4, 3, 2, 1, 0},
                                                 {3, 4, 5, 0, 1, 2},
                                                 {0, 3, 1, 4, 2, 5},
                                                 {3, 0, 4, 1, 5, 2},
                                                 {5, 2, 4, 1, 3, 0},
                                                 {2, 5, 1, 4, 0, 3}}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    std::vector<int> values{0, 1, 2, 3, 4, 5};
    Index height = 2;
    Index width = 3;
    detail::make_upright(values, height, width, 1, orientation);
    REQUIRE(values == upright[static_cast<std::size_t>(orientation - 1)]);
    REQUIRE(height == (orientation < 5 ? 2 : 3));
    REQUIRE(width == (orientation < 5 ? 3 : 2));
    // Two channels of a pixel stay together.
    std::vector<int> pairs{0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15};
    Index rows = 2;
    Index columns = 3;
    detail::make_upright(pairs, rows, columns, 2, orientation);
    for (std::size_t i = 0; i < 6; ++i) REQUIRE((pairs[2 * i] == values[i] && pairs[2 * i + 1] == values[i] + 10));
  }
}

TEST_CASE("All orientations of both byte orders and three types are read", "[data]") {
  for (const bool big_endian : {false, true})
    for (unsigned orientation = 1; orientation <= 8; ++orientation)
      for (const unsigned type : {1U, 3U, 4U})
        for (const bool named : {false, true})
          for (const unsigned other_tags : {0U, 3U}) {
            CAPTURE(big_endian, orientation, type, named, other_tags);
            const std::string block =
                (named ? std::string("Exif\0\0", 6) : "") + exif_block(orientation, big_endian, type, other_tags);
            REQUIRE(detail::exif_orientation(span_of(block)) == static_cast<int>(orientation));
          }
}

TEST_CASE("EXIF blocks that make no sense say nothing", "[data]") {
  const auto orientation = [](const std::string& block) { return detail::exif_orientation(span_of(block)); };
  for (const bool big_endian : {false, true}) {
    const std::string whole = exif_block(6, big_endian);
    constexpr std::size_t end_of_value = 8 + 2 + 10;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      REQUIRE(orientation(whole.substr(0, size)) == (size < end_of_value ? 1 : 6));
    }
    for (const unsigned odd : {0U, 9U, 255U, 65535U}) REQUIRE(orientation(exif_block(odd, big_endian)) == 1);
    REQUIRE(orientation(exif_block(6, big_endian, 2)) == 1);  // text
    for (std::size_t i = 4; i < 8; ++i) {                     // the directory is far beyond the end
      std::string damaged = whole;
      damaged[i] = '\xff';
      REQUIRE(orientation(damaged) == 1);
    }
    std::string endless = whole;  // claims 65535 tags
    endless[8] = endless[9] = '\xff';
    REQUIRE(orientation(endless) == 6);
    endless[10] = endless[11] = 0;
    REQUIRE(orientation(endless) == 1);
  }
  REQUIRE(orientation("") == 1);
  REQUIRE(orientation(std::string("Exif\0\0", 6)) == 1);
  REQUIRE(orientation("IM*\0\0\0\0\0") == 1);
}

TEST_CASE("The segment is found behind others of a JPEG, and in a chunk of a PNG before or behind the data", "[data]") {
  const auto segment = [](char marker, const std::string& body) {
    const std::size_t length = body.size() + 2;
    return std::string{'\xff', marker, static_cast<char>(length >> 8U), static_cast<char>(length & 255U)} + body;
  };
  const std::string exif = segment('\xe1', std::string("Exif\0\0", 6) + exif_block(8, true));
  const std::string xmp = segment('\xe1', "http://ns.adobe.com/xap/1.0/");
  const std::string app0 = segment('\xe0', std::string("JFIF\0", 5));
  const std::string scan = segment('\xda', "data");
  const std::string soi = "\xff\xd8";
  const auto jpeg = [](const std::string& file) { return detail::jpeg_orientation(span_of(file)); };
  REQUIRE(jpeg(soi + exif + scan) == 8);
  REQUIRE(jpeg(soi + app0 + xmp + "\xff" + exif + scan) == 8);
  REQUIRE(jpeg(soi + app0 + scan + exif) == 1);  // behind the start of the data it is data
  REQUIRE(jpeg(soi + app0 + scan) == 1);
  for (std::size_t size = 0; size < (soi + exif).size(); ++size) REQUIRE(jpeg((soi + exif).substr(0, size)) == 1);

  const auto chunk = [](const std::string& type, const std::string& body) {
    return std::string{0, 0, 0, static_cast<char>(body.size())} + type + body + "crc.";
  };
  const auto png = [](const std::string& file) { return detail::png_orientation(span_of(file)); };
  const std::string start = "\x89PNG\r\n\x1a\n" + chunk("IHDR", std::string(13, '\0'));
  REQUIRE(png(start + chunk("eXIf", exif_block(3, false)) + chunk("IDAT", "") + chunk("IEND", "")) == 3);
  REQUIRE(png(start + chunk("IDAT", "") + chunk("eXIf", exif_block(3, false)) + chunk("IEND", "")) == 3);
  REQUIRE(png(start + chunk("IDAT", "") + chunk("IEND", "")) == 1);
  REQUIRE(png(start.substr(0, 20)) == 1);
}

}  // namespace
}  // namespace diffarch
