#include "diffarch/core/png_checksum.hpp"

#include <string_view>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("The checksum of a PNG chunk is that of the specification", "[core]") {
  const auto checksum = [](std::string_view text) {
    return detail::png_checksum(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  };
  REQUIRE(checksum("IEND") == 0xAE426082U);       // the last four bytes of every PNG
  REQUIRE(checksum("123456789") == 0xCBF43926U);  // the check value of CRC-32/ISO-HDLC
  REQUIRE(checksum("") == 0U);
}

}  // namespace
}  // namespace diffarch
