#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "diffarch/core/image_shape.hpp"

namespace diffarch {

namespace detail {

/// A list given for other numbers of steps, at step `step` of `steps`: first entry at the first step, last at the last,
/// linear in between. `values` is not empty.
template <class Value>
[[nodiscard]] double value_at_step(const std::vector<Value>& values, Index step, Index steps) {
  const double last = static_cast<double>(values.size() - 1);
  const double position = steps > 1 ? last * static_cast<double>(step) / static_cast<double>(steps - 1) : 0.0;
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  const double fraction = position - static_cast<double>(low);
  if (fraction == 0.0) return static_cast<double>(values[low]);  // the next may be infinite
  return (1.0 - fraction) * static_cast<double>(values[low]) + fraction * static_cast<double>(values[high]);
}

}  // namespace detail

/// How far a local denoiser looks at each noise level, and with how many features: the whole image in heavy noise, a
/// few pixels at the end. The defaults are the paper's, for 10 levels and images of 64 pixels.
struct PatchSchedule {
  /// Window widths S, noisiest level first, for images whose shorter side is `image_size`.
  std::vector<Index> patch_sizes = {64, 55, 45, 35, 27, 21, 15, 11, 7, 3};
  /// Numbers of random features, one for each patch size.
  std::vector<Index> widths = {1024, 1024, 512, 256, 128, 128, 64, 32, 16, 8};
  Index image_size = 64;

  /// Window width of step `step` of `steps` for an image: interpolated linearly between the entries when there are more
  /// or fewer steps, scaled with the shorter side of the image, rounded. Throws InvalidArgument for lists that are
  /// empty, of unequal length, or hold a window outside [1, image_size] or a width below 1.
  [[nodiscard]] Index patch_size(Index step, Index steps, const ImageShape& shape) const {
    check();
    const Index side = std::min(shape.height, shape.width);
    const double scaled =
        detail::value_at_step(patch_sizes, step, steps) * static_cast<double>(side) / static_cast<double>(image_size);
    return std::clamp<Index>(std::lround(scaled), 1, side);
  }

  /// Number of features of step `step` of `steps`. Throws like patch_size.
  [[nodiscard]] Index width(Index step, Index steps) const {
    check();
    return std::lround(detail::value_at_step(widths, step, steps));
  }

 private:
  void check() const {
    detail::require(!patch_sizes.empty() && patch_sizes.size() == widths.size(), "PatchSchedule: ", patch_sizes.size(),
                    " patch sizes and ", widths.size(), " widths; expected equally many, at least one");
    for (const Index size : patch_sizes)
      detail::require(size >= 1 && size <= image_size, "PatchSchedule: a patch of ", size, " pixels for images of ",
                      image_size, "; expected 1 <= patch size <= ", image_size);
    for (const Index width : widths)
      detail::require(width >= 1, "PatchSchedule: width = ", width, ", expected at least 1");
  }
};

/// The window of one axis that a pixel is predicted from: centred on it where it fits, moved inside at the borders, as
/// in the reference code (an even width reaches one pixel further to the left). There are size - width + 1 windows.
[[nodiscard]] constexpr Index window_start(Index pixel, Index width, Index size) noexcept {
  return std::min(std::max<Index>(0, pixel - width / 2), size - width);
}

/// The pixels [begin, end) of one axis that are predicted from the window starting at `start`: one inside, all up to
/// the border for the first and the last window.
struct PixelRange {
  Index begin;
  Index end;
};
/// Its pixels, for a window of `width` in an axis of `size`.
[[nodiscard]] constexpr PixelRange pixels_of_window(Index start, Index width, Index size) noexcept {
  return {start == 0 ? 0 : start + width / 2, start == size - width ? size : start + width / 2 + 1};
}

}  // namespace diffarch
