#pragma once

#include "diffarch/core/batch.hpp"

namespace diffarch {

/// Shape of one image inside a batch column. Element (row r, column c, channel k) of an image is at index
/// (r * width + c) * channels + k of its column: channel fastest, so that a batch is one NHWC block.
struct ImageShape {
  Index height = 0;
  Index width = 0;
  Index channels = 1;

  /// Dimension d of the sample: height * width * channels.
  [[nodiscard]] constexpr Index size() const noexcept { return height * width * channels; }

  /// Position of (row, column, channel) inside a batch column; no bounds check.
  [[nodiscard]] constexpr Index index(Index row, Index column, Index channel = 0) const noexcept {
    return (row * width + column) * channels + channel;
  }

  friend constexpr bool operator==(const ImageShape&, const ImageShape&) = default;
};

/// The values beyond the border of an image: zeros, or the opposite side (a torus, on both axes).
enum class Padding { zeros, circular };

namespace detail {

[[nodiscard]] inline std::string shape_text(const ImageShape& shape) {
  return concat(shape.height, " x ", shape.width, " x ", shape.channels);
}

}  // namespace detail
}  // namespace diffarch
