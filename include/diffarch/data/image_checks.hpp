#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "diffarch/core/error.hpp"
#include "diffarch/core/png_checksum.hpp"

// Checks of PNG and JPEG files that the decoder leaves out, because it shows damaged images instead, and facts about
// these files that it does not know.

namespace diffarch::detail {

using FileBytes = std::vector<std::uint8_t>;

[[nodiscard]] inline FileBytes read_image_bytes(const std::filesystem::path& path) {
  std::error_code problem;
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  std::ifstream file(path, std::ios::binary);
  if (problem || !file) throw FileError(path.string(), "cannot be opened for reading");
  if (size > static_cast<std::uintmax_t>(std::numeric_limits<int>::max()))
    throw FileError(path.string(), concat("has ", size, " bytes; expected an image of at most 2 GiB"));
  FileBytes bytes(static_cast<std::size_t>(size));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(file.gcount()) != size) throw FileError(path.string(), "cannot be read to its end");
  return bytes;
}

[[nodiscard]] constexpr std::uint32_t big_endian_32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U | std::uint32_t{bytes[2]} << 8U | bytes[3];
}

[[nodiscard]] inline bool is_png(const FileBytes& file) {
  constexpr std::array<std::uint8_t, 8> signature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  return file.size() >= signature.size() && std::equal(signature.begin(), signature.end(), file.begin());
}

[[nodiscard]] inline bool is_jpeg(const FileBytes& file) {
  return file.size() >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF;
}

/// Throws unless `data_size` bytes can hold an image of this size. The decoder takes memory for what the header claims,
/// before it sees that nothing comes: a file of 100 bytes may ask for gigabytes.
inline void require_plausible_size(const std::string& path, std::string_view kind, std::size_t height,
                                   std::size_t width, double most_pixels, std::size_t data_size) {
  if (static_cast<double>(height) * static_cast<double>(width) > most_pixels)
    throw FileError(path, concat(kind, ": claims ", height, " x ", width, " pixels, but its ", data_size,
                                 " bytes of data cannot hold as many; it is damaged"));
}

/// Checks that the chunks of a PNG file are whole up to the last one, that their sums are right and the size is
/// possible: the decoder checks none of it, and shows a damaged image instead.
inline void check_png(const std::string& path, const FileBytes& file) {
  std::size_t position = 8;
  std::size_t data_size = 0;
  while (true) {
    if (file.size() - position < 12) throw FileError(path, "PNG: ends before its IEND chunk; the file is truncated");
    const std::size_t length = big_endian_32(&file[position]);
    const std::string type(file.begin() + static_cast<std::ptrdiff_t>(position) + 4,
                           file.begin() + static_cast<std::ptrdiff_t>(position) + 8);
    if (file.size() - position - 12 < length)
      throw FileError(path, concat("PNG: chunk ", type, " at byte ", position, " claims ", length,
                                   " bytes but the file ends before; the file is truncated"));
    if (png_checksum(&file[position + 4], length + 4) != big_endian_32(&file[position + 8 + length]))
      throw FileError(path,
                      concat("PNG: chunk ", type, " at byte ", position, " does not match its CRC; it is damaged"));
    if (type == "IDAT") data_size += length;
    if (type == "IEND") break;
    position += 12 + length;
  }
  constexpr std::size_t header_end = 8 + 8 + 13;  // signature, length and type of the first chunk, IHDR
  if (file.size() < header_end || std::string(file.begin() + 12, file.begin() + 16) != "IHDR")
    throw FileError(path, "PNG: does not start with an IHDR chunk; it is damaged");
  constexpr double deflate_ratio = 1032.0;  // at most 258 bytes for two bits
  const int colour = file[25];
  const double channels = colour == 2 ? 3.0 : colour == 4 ? 2.0 : colour == 6 ? 4.0 : 1.0;
  const double bits_per_pixel = channels * std::max<double>(1.0, file[24]);
  require_plausible_size(path, "PNG", big_endian_32(&file[20]), big_endian_32(&file[16]),
                         8.0 * deflate_ratio * static_cast<double>(data_size) / bits_per_pixel, data_size);
}

/// The colours of a JPEG file as its segments state them, and the places of these segments.
struct JpegColours {
  bool jfif = false;
  std::size_t adobe_transform = 0;         ///< where segment APP14 has its colour transform, or 0
  std::vector<std::size_t> component_ids;  ///< in the frame header
  std::vector<std::size_t> scan_ids;       ///< in all scan headers
};

/// Throws FileError for kinds of JPEG that the decoder does not know: other than 8 bits, lossless, arithmetic coding.
inline void require_known_frame(const std::string& path, std::uint8_t marker, int bits, int components) {
  constexpr std::uint8_t last_known = 0xC2;  // baseline, extended, progressive
  if (marker > last_known)
    throw FileError(path, concat("JPEG: is ",
                                 marker == 0xC3  ? "lossless"
                                 : marker < 0xC8 ? "hierarchical"
                                                 : "arithmetic",
                                 "-coded, which is not supported; expected baseline or progressive"));
  if (bits != 8) throw FileError(path, concat("JPEG: has ", bits, " bits for a value; expected 8"));
  if (components != 1 && components != 3 && components != 4)
    throw FileError(path, concat("JPEG: has ", components, " components; expected 1 (gray), 3 (colour) or 4 (CMYK)"));
}

/// Checks that a JPEG file goes on to its end-of-image marker, since the decoder fills what is missing with gray, and
/// that its size and its kind are possible. Returns what it says of its colours.
inline JpegColours check_jpeg(const std::string& path, const FileBytes& file) {
  const auto truncated = [&] { throw FileError(path, "JPEG: has no end-of-image marker; the file is truncated"); };
  JpegColours colours;
  std::size_t position = 2;
  while (true) {
    // A marker is FF and a byte other than 00 (a stuffed FF of the data), FF (fill) or D0 ... D7 (restarts in the
    // data).
    while (position + 1 < file.size() && !(file[position] == 0xFF && file[position + 1] != 0x00 &&
                                           file[position + 1] != 0xFF && (file[position + 1] & 0xF8U) != 0xD0))
      ++position;
    if (position + 1 >= file.size()) truncated();
    const std::uint8_t marker = file[position + 1];
    constexpr std::uint8_t end_of_image = 0xD9;
    if (marker == end_of_image) return colours;
    const auto number = [&](std::size_t at) {
      if (at + 1 >= file.size()) truncated();
      return std::size_t{file[at]} << 8U | file[at + 1];
    };
    // SOF0 ... SOF15, without the three markers between them of another meaning, have the height and width.
    if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
      constexpr double pixels_per_byte = 8.0 * 64.0;  // a block of 8 x 8 pixels takes at least one bit
      require_plausible_size(path, "JPEG", number(position + 5), number(position + 7),
                             pixels_per_byte * static_cast<double>(file.size()), file.size());
      const std::size_t components = number(position + 8) & 0xFFU;
      require_known_frame(path, marker, static_cast<int>(number(position + 3) & 0xFFU), static_cast<int>(components));
      colours.component_ids.clear();
      for (std::size_t i = 0; i < components; ++i) colours.component_ids.push_back(position + 10 + 3 * i);
    }
    const std::size_t length = number(position + 2);
    const auto starts_with = [&](std::string_view tag) {
      return length >= 2 + tag.size() && position + 4 + tag.size() <= file.size() &&
             std::equal(tag.begin(), tag.end(), file.begin() + static_cast<std::ptrdiff_t>(position) + 4);
    };
    if (marker == 0xE0 && starts_with({"JFIF\0", 5})) colours.jfif = true;
    if (marker == 0xEE && length >= 14 && starts_with({"Adobe\0", 6})) colours.adobe_transform = position + 15;
    if (marker == 0xDA)
      for (std::size_t i = 0; i < (number(position + 3) & 0xFFU); ++i) colours.scan_ids.push_back(position + 5 + 2 * i);
    position += 2 + std::max<std::size_t>(length, 2);
  }
}

/// Returns the JPEG file with its colours stated explicitly where libjpeg takes them for granted and the decoder does
/// not. Four components are CMYK without a segment of Adobe, and YCCK where this says YCbCr. Three components that are
/// called R, G and B are YCbCr all the same where a segment of JFIF or Adobe says so. Source: jdapimin.c of libjpeg.
[[nodiscard]] inline FileBytes with_plain_colours(FileBytes file, const JpegColours& colours) {
  constexpr std::uint8_t rgb = 0;  // or CMYK
  constexpr std::uint8_t ycck = 2;
  const auto inside = [&](std::size_t at) { return at < file.size(); };
  const bool adobe = colours.adobe_transform > 0 && inside(colours.adobe_transform);
  if (colours.component_ids.size() == 4 && !adobe) {
    constexpr std::array<std::uint8_t, 16> segment{0xFF, 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, rgb};
    file.insert(file.begin() + 2, segment.begin(), segment.end());
  } else if (colours.component_ids.size() == 4 && file[colours.adobe_transform] != rgb) {
    file[colours.adobe_transform] = ycck;
  } else if (colours.component_ids.size() == 3 && (colours.jfif || (adobe && file[colours.adobe_transform] != rgb))) {
    constexpr std::string_view names = "RGB";
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!inside(colours.component_ids[i]) || file[colours.component_ids[i]] != names[i]) return file;
    for (const auto* ids : {&colours.component_ids, &colours.scan_ids})
      for (const std::size_t at : *ids)
        if (inside(at) && names.find(static_cast<char>(file[at])) != std::string_view::npos)
          file[at] = static_cast<std::uint8_t>(1 + names.find(static_cast<char>(file[at])));
  }
  return file;
}

}  // namespace diffarch::detail
