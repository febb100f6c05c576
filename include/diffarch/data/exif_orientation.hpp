#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "diffarch/core/batch.hpp"

// Which way up a photo is. Cameras store the picture as the sensor has it, and in an EXIF block how to turn it. Source:
// CIPA DC-008 (Exif 2.32), section 4.6.4, tag Orientation; Adobe, TIFF 6.0, section 2; PNG 3rd edition, chunk eXIf.

namespace diffarch::detail {

using ByteSpan = std::span<const std::uint8_t>;

/// Numbers of a TIFF block in its byte order. Whatever lies beyond its end is 0.
class TiffBlock {
 public:
  explicit TiffBlock(ByteSpan bytes) : bytes_(bytes), big_endian_(!bytes.empty() && bytes[0] == 'M') {}

  [[nodiscard]] std::uint32_t number(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8U | bytes_[at + (big_endian_ ? i : size - 1 - i)];
    return value;
  }

  /// The tag Orientation of the first directory, or 0.
  [[nodiscard]] std::uint32_t orientation() const {
    const bool ordered = bytes_.size() >= 2 && (bytes_[0] == 'M' || bytes_[0] == 'I') && bytes_[0] == bytes_[1];
    constexpr std::uint32_t tiff = 42;
    if (!ordered || number(2, 2) != tiff) return 0;
    const std::size_t directory = number(4, 4);
    const std::uint32_t entries = number(directory, 2);
    for (std::size_t i = 0; i < entries; ++i) {
      const std::size_t entry = directory + 2 + 12 * i;
      if (entry > bytes_.size()) return 0;
      constexpr std::uint32_t orientation_tag = 0x0112;
      if (number(entry, 2) != orientation_tag || number(entry + 4, 4) < 1) continue;
      switch (number(entry + 2, 2)) {
        case 1:  // BYTE
          return number(entry + 8, 1);
        case 3:  // SHORT, as the standard says
          return number(entry + 8, 2);
        case 4:  // LONG
          return number(entry + 8, 4);
        default:
          return 0;
      }
    }
    return 0;
  }

 private:
  ByteSpan bytes_;
  bool big_endian_;
};

/// Orientation 1 to 8 of an EXIF block, which is TIFF with or without the name Exif before it; 1, upright, when it says
/// nothing that makes sense.
[[nodiscard]] inline int exif_orientation(ByteSpan block) {
  constexpr std::string_view name("Exif\0", 5);
  if (block.size() >= 6 && std::memcmp(block.data(), name.data(), name.size()) == 0) block = block.subspan(6);
  const std::uint32_t orientation = TiffBlock(block).orientation();
  return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
}

/// Orientation of a JPEG file: that of its first EXIF segment (APP1) before the image data.
[[nodiscard]] inline int jpeg_orientation(ByteSpan file) {
  std::size_t position = 2;
  while (position + 4 <= file.size() && file[position] == 0xFF) {
    const std::uint8_t marker = file[position + 1];
    if (marker == 0xFF) {  // fill
      ++position;
      continue;
    }
    constexpr std::uint8_t start_of_scan = 0xDA;
    if (marker == start_of_scan) return 1;
    const std::size_t length = std::size_t{file[position + 2]} << 8U | file[position + 3];
    if (length < 2 || length > file.size() - position - 2) return 1;
    const ByteSpan body = file.subspan(position + 4, length - 2);
    constexpr std::uint8_t app1 = 0xE1;
    if (marker == app1 && body.size() >= 6 && std::memcmp(body.data(), "Exif\0", 5) == 0) return exif_orientation(body);
    position += 2 + length;
  }
  return 1;
}

/// Orientation of a PNG file: that of its chunk eXIf, which may also come behind the image data.
[[nodiscard]] inline int png_orientation(ByteSpan file) {
  const auto length_at = [&](std::size_t at) {
    return std::size_t{file[at]} << 24U | std::size_t{file[at + 1]} << 16U | std::size_t{file[at + 2]} << 8U |
           file[at + 3];
  };
  for (std::size_t position = 8; position + 12 <= file.size();) {
    const std::size_t length = length_at(position);
    if (length > file.size() - position - 12) return 1;
    if (std::memcmp(&file[position + 4], "eXIf", 4) == 0) return exif_orientation(file.subspan(position + 8, length));
    position += 12 + length;
  }
  return 1;
}

/// Turns an image of height x width pixels with `channels` numbers each the way its orientation says; swaps height and
/// width for orientations 5 to 8.
template <class T>
void make_upright(std::vector<T>& values, Index& height, Index& width, Index channels, int orientation) {
  if (orientation == 1) return;
  const bool transposed = orientation >= 5;
  const Index rows = transposed ? width : height;
  const Index columns = transposed ? height : width;
  std::vector<T> upright(values.size());
  for (Index row = 0; row < rows; ++row)
    for (Index column = 0; column < columns; ++column) {
      // The place of the pixel in the file, for orientation 1 of (2 mirrored, 3 turned by 180 degrees, 4 flipped) and,
      // transposed, 5 of (6 turned clockwise, 7, 8).
      const bool from_the_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
      const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
      Index stored_row = transposed ? column : row;
      Index stored_column = transposed ? row : column;
      if (from_below) stored_row = height - 1 - stored_row;
      if (from_the_right) stored_column = width - 1 - stored_column;
      const T* from = values.data() + (stored_row * width + stored_column) * channels;
      T* to = upright.data() + (row * columns + column) * channels;
      for (Index channel = 0; channel < channels; ++channel) to[channel] = from[channel];
    }
  values = std::move(upright);
  height = rows;
  width = columns;
}

}  // namespace diffarch::detail
