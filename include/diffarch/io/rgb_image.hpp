#pragma once

#include <stb_image_write.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/io/atomic_file.hpp"

// A picture in memory and its PNG. Needs stb (target diffarch::images).

namespace diffarch {

/// A colour, three bytes.
struct Rgb {
  std::uint8_t red = 0, green = 0, blue = 0;
  friend constexpr bool operator==(const Rgb&, const Rgb&) = default;

  static const Rgb white, black;
};
inline constexpr Rgb Rgb::white{255, 255, 255};
inline constexpr Rgb Rgb::black{0, 0, 0};

/// A picture of width x height pixels, three bytes each, rows from the top, pixels from the left.
class RgbImage {
 public:
  static constexpr Index longest_side = 32768;          ///< pixels
  static constexpr Index most_pixels = Index{1} << 28;  ///< keeps the int arithmetic of the PNG encoder in range

  /// Whether there can be such a picture: sides in [1, longest_side], and at most most_pixels.
  [[nodiscard]] static constexpr bool is_possible(Index width, Index height) noexcept {
    return width >= 1 && height >= 1 && width <= longest_side && height <= longest_side &&
           width * height <= most_pixels;
  }

  /// Throws InvalidArgument unless the picture `is_possible`.
  RgbImage(Index width, Index height, Rgb background = Rgb::white) : width_(width), height_(height) {
    detail::require(is_possible(width, height), "RgbImage: a picture of ", width, " x ", height,
                    " pixels; expected sides in [1, ", longest_side, "] and at most ", most_pixels, " pixels");
    bytes_.resize(static_cast<std::size_t>(width * height * 3));
    fill(0, 0, width, height, background);
  }

  [[nodiscard]] Index width() const noexcept { return width_; }
  [[nodiscard]] Index height() const noexcept { return height_; }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const noexcept { return bytes_; }

  /// Colour at column x, row y; no bounds check.
  [[nodiscard]] Rgb pixel(Index x, Index y) const noexcept {
    const std::size_t at = offset(x, y);
    return {bytes_[at], bytes_[at + 1], bytes_[at + 2]};
  }
  void set_pixel(Index x, Index y, Rgb colour) noexcept {
    const std::size_t at = offset(x, y);
    bytes_[at] = colour.red;
    bytes_[at + 1] = colour.green;
    bytes_[at + 2] = colour.blue;
  }

  /// Fills the rectangle with its top left corner at (x, y); what lies outside the picture is left out.
  void fill(Index x, Index y, Index width, Index height, Rgb colour) noexcept {
    for (Index row = std::max<Index>(y, 0); row < std::min(y + height, height_); ++row)
      for (Index column = std::max<Index>(x, 0); column < std::min(x + width, width_); ++column)
        set_pixel(column, row, colour);
  }

 private:
  [[nodiscard]] std::size_t offset(Index x, Index y) const noexcept {
    return static_cast<std::size_t>((y * width_ + x) * 3);
  }

  Index width_;
  Index height_;
  std::vector<std::uint8_t> bytes_;
};

/// Writes a picture as PNG, atomically. Throws FileError when it cannot be written.
inline void write_png(const std::filesystem::path& path, const RgbImage& image) {
  std::vector<std::byte> encoded;
  const auto append = [](void* context, void* data, int size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    static_cast<std::vector<std::byte>*>(context)->assign(bytes, bytes + size);  // called once, with the whole file
  };
  const int done =
      stbi_write_png_to_func(append, &encoded, static_cast<int>(image.width()), static_cast<int>(image.height()), 3,
                             image.bytes().data(), static_cast<int>(image.width() * 3));
  if (done == 0 || encoded.empty()) throw FileError(path.string(), "the picture could not be encoded as PNG");
  write_file_atomically(path, encoded);
}

}  // namespace diffarch
