#pragma once

#include <string>

// EXIF blocks as cameras write them.

namespace diffarch::test {

/// A TIFF block with `other_tags` other tags and then Orientation, of type 1 (BYTE), 2 (ASCII), 3 (SHORT) or 4 (LONG).
[[nodiscard]] inline std::string exif_block(unsigned orientation, bool big_endian, unsigned type = 3,
                                            unsigned other_tags = 0) {
  const auto number = [&](unsigned value, unsigned size) {
    std::string bytes;
    for (unsigned i = 0; i < size; ++i)
      bytes += static_cast<char>(value >> (8U * (big_endian ? size - 1 - i : i)) & 255U);
    return bytes;
  };
  std::string block = (big_endian ? "MM" : "II") + number(42, 2) + number(8, 4) + number(other_tags + 1, 2);
  for (unsigned i = 0; i < other_tags; ++i)
    block += number(0x0100 + i, 2) + number(3, 2) + number(1, 4) + number(640, 4);
  const unsigned size = type == 4 ? 4 : type == 3 ? 2 : 1;
  block += number(0x0112, 2) + number(type, 2) + number(1, 4) + number(orientation, size) + std::string(4 - size, '\0');
  return block + number(0, 4);
}

}  // namespace diffarch::test
