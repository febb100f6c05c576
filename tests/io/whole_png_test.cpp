#include "diffarch/io/whole_png.hpp"

#include <string>

#include "catch.hpp"

using namespace diffarch;

namespace {

// One white pixel, made with Python's zlib.
const std::string pixel(
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\b\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9c"
    "c\xf8\x0f\0\1\1\1\0\xb1\x38\xf6\x14"
    "\0\0\0\0IEND\xae"
    "B`\x82",
    67);

}  // namespace

TEST_CASE("A PNG is whole when it ends with its last chunk and every checksum holds", "[io]") {
  REQUIRE(detail::is_whole_png(pixel));
  for (std::size_t size = 0; size < pixel.size(); ++size) CHECK_FALSE(detail::is_whole_png(pixel.substr(0, size)));
  for (std::size_t at = 0; at < pixel.size(); ++at) {
    std::string damaged = pixel;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CHECK_FALSE(detail::is_whole_png(damaged));
  }
  CHECK_FALSE(detail::is_whole_png(pixel + "more"));
}
