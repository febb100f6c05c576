#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "diffarch/core/png_checksum.hpp"

namespace diffarch::detail {

/// Whether the bytes are a PNG file from its signature to its end: chunks of the lengths and checksums that they give,
/// IEND being the last. A program that ran out of disk space while it wrote leaves less.
[[nodiscard]] inline bool is_whole_png(std::string_view bytes) {
  constexpr std::string_view signature{"\x89PNG\r\n\x1a\n", 8};
  if (!bytes.starts_with(signature)) return false;
  const auto number_at = [&bytes](std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = at; i < at + 4; ++i) number = number << 8U | static_cast<unsigned char>(bytes[i]);
    return number;
  };
  constexpr std::size_t around = 12;  // length, type and checksum
  std::size_t at = signature.size();
  while (bytes.size() - at >= around) {
    const std::size_t length = number_at(at);
    if (length > bytes.size() - at - around) return false;
    const std::string_view chunk = bytes.substr(at + 4, 4 + length);
    if (png_checksum(reinterpret_cast<const std::uint8_t*>(chunk.data()), chunk.size()) != number_at(at + 8 + length))
      return false;
    at += around + length;
    if (chunk == "IEND") return at == bytes.size();
  }
  return false;
}

}  // namespace diffarch::detail
