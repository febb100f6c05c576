#pragma once

#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/cuda/algebra/feature_arrays.hpp"
#include "diffarch/denoiser/patch_schedule.hpp"

namespace diffarch::cuda {

/// Windows of one width in an image that serve equally many pixels: those in the interior, along a border, or in a
/// corner (see pixels_of_window). Windows of a group are numbered row by row; everything about them has one shape, so
/// that they can be fitted and applied as batches.
struct WindowGroup {
  Index image_width = 0;
  Index channels = 0;
  Index size = 0;        ///< of a window
  Index row = 0;         ///< of the first window
  Index column = 0;      ///< of the first window
  Index columns = 0;     ///< windows in a row of the group
  Index count = 0;       ///< windows of the group
  Index served_row = 0;  ///< first pixel that the first window serves
  Index served_column = 0;
  Index served_width = 0;   ///< pixels that every window serves in a row
  Index served_values = 0;  ///< values that every window serves

  [[nodiscard]] constexpr Index patch_values() const { return size * size * channels; }
  /// Returns the position in an image of value `value` of the patch in window `window`.
  [[nodiscard]] constexpr Index patch_value(Index window, Index value) const {
    return value_at(window, value, size * channels, row, column);
  }
  /// Returns the position in an image of value `value` among those that window `window` serves.
  [[nodiscard]] constexpr Index served_value(Index window, Index value) const {
    return value_at(window, value, served_width * channels, served_row, served_column);
  }
  /// Number of a window among all of the image, row by row; `per_row` of them in a row.
  [[nodiscard]] constexpr Index number(Index window, Index per_row) const {
    const Index line = FeatureLayout::quotient(window, columns);
    return (row + line) * per_row + column + window - line * columns;
  }

 private:
  /// Value `value` of a rectangle of `run` values a line that starts at (top, left) for the first window.
  [[nodiscard]] constexpr Index value_at(Index window, Index value, Index run, Index top, Index left) const {
    const Index window_row = FeatureLayout::quotient(window, columns);
    const Index window_column = window - window_row * columns;
    const Index line = FeatureLayout::quotient(value, run);
    return ((top + window_row + line) * image_width + left + window_column) * channels + value - line * run;
  }
};

/// All windows of width `size` of an image, by groups: every value of the image is served once.
[[nodiscard]] inline std::vector<WindowGroup> window_groups(const ImageShape& shape, Index size) {
  struct Range {
    Index first;
    Index count;
    PixelRange served;  // of the first
  };
  const auto ranges = [size](Index pixels) {
    const Index windows = pixels - size + 1;
    std::vector<Range> result{{0, 1, pixels_of_window(0, size, pixels)}};
    if (windows > 2) result.push_back({1, windows - 2, pixels_of_window(1, size, pixels)});
    if (windows > 1) result.push_back({windows - 1, 1, pixels_of_window(windows - 1, size, pixels)});
    return result;
  };
  std::vector<WindowGroup> groups;
  for (const Range& rows : ranges(shape.height))
    for (const Range& columns : ranges(shape.width)) {
      WindowGroup group;
      group.image_width = shape.width;
      group.channels = shape.channels;
      group.size = size;
      group.row = rows.first;
      group.column = columns.first;
      group.columns = columns.count;
      group.count = rows.count * columns.count;
      group.served_row = rows.served.begin;
      group.served_column = columns.served.begin;
      group.served_width = columns.served.end - columns.served.begin;
      group.served_values = (rows.served.end - rows.served.begin) * group.served_width * shape.channels;
      groups.push_back(group);
    }
  return groups;
}

namespace detail {

/// patches (patch values, n per window): samples `first_sample` on of images (d, samples) seen through windows `first`
/// on; zeros behind the last sample.
template <class Scalar>
struct GatherPatches {
  Scalar* patches;
  const Scalar* images;
  WindowGroup group;
  Index d;
  Index samples;
  Index n;
  Index first;
  Index first_sample;
  constexpr void operator()(Index value, Index column) const {
    const Index window = FeatureLayout::quotient(column, n);
    const Index sample = first_sample + column - window * n;
    patches[column * group.patch_values() + value] =
        sample < samples ? images[sample * d + group.patch_value(first + window, value)] : Scalar(0);
  }
};

/// targets (served values, n per window) = what windows serve of images (d, n), less the mean.
template <class Real, class Scalar>
struct GatherTargets {
  Real* targets;
  const Scalar* images;
  const Real* mean;
  WindowGroup group;
  Index d;
  Index n;
  Index first;
  constexpr void operator()(Index value, Index column) const {
    const Index window = FeatureLayout::quotient(column, n);
    const Index at = group.served_value(first + window, value);
    targets[column * group.served_values + value] =
        static_cast<Real>(images[(column - window * n) * d + at]) - mean[at];
  }
};

/// images (d, samples) = mean + changes (served values, n per window), for samples `first_sample` on.
template <class Real, class Scalar>
struct ScatterPredictions {
  Scalar* images;
  const Real* changes;
  const Real* mean;
  WindowGroup group;
  Index d;
  Index samples;
  Index n;
  Index first;
  Index first_sample;
  constexpr void operator()(Index value, Index column) const {
    const Index window = FeatureLayout::quotient(column, n);
    const Index sample = first_sample + column - window * n;
    if (sample >= samples) return;
    const Index at = group.served_value(first + window, value);
    images[sample * d + at] = static_cast<Scalar>(changes[column * group.served_values + value] + mean[at]);
  }
};

}  // namespace detail
}  // namespace diffarch::cuda
