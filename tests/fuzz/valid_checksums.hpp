#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "diffarch/data/image_checks.hpp"

namespace diffarch::test {

/// The bytes with the right check sum for every chunk, if they are a PNG: else no mutation would pass the first test.
inline std::vector<std::uint8_t> with_valid_checksums(const std::uint8_t* bytes, std::size_t size) {
  using namespace diffarch::detail;
  std::vector<std::uint8_t> file(bytes, bytes + size);
  if (!is_png(file)) return file;
  for (std::size_t position = 8; position + 12 <= size;) {
    const std::size_t length = big_endian_32(file.data() + position);
    if (length > size - position - 12) break;
    const std::uint32_t crc = png_checksum(file.data() + position + 4, length + 4);
    for (std::size_t i = 0; i < 4; ++i)
      file[position + 8 + length + i] = static_cast<std::uint8_t>(crc >> (24U - 8U * i));
    position += 12 + length;
  }
  return file;
}

}  // namespace diffarch::test
