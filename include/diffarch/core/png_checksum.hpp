#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace diffarch::detail {

/// CRC-32 of ISO 3309, the checksum of a chunk of a PNG file (PNG specification, annex D).
[[nodiscard]] inline std::uint32_t png_checksum(const std::uint8_t* bytes, std::size_t size) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t byte = 0; byte < entries.size(); ++byte) {
      std::uint32_t remainder = byte;
      for (int bit = 0; bit < 8; ++bit)
        remainder = (remainder & 1U) != 0 ? 0xEDB88320U ^ (remainder >> 1U) : remainder >> 1U;
      entries[byte] = remainder;
    }
    return entries;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (std::size_t i = 0; i < size; ++i) crc = table[(crc ^ bytes[i]) & 0xFFU] ^ (crc >> 8U);
  return ~crc;
}

}  // namespace diffarch::detail
