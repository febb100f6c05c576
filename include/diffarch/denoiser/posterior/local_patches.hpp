#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/noise_levels.hpp"
#include "diffarch/denoiser/posterior/posterior_weight.hpp"

namespace diffarch {

/// Which training patches serve a pixel of a local posterior. The patch at place q serves pixel p when, along each
/// axis, q = p, or q - p is a multiple of the period and the windows around p and q lie inside the image. Of circular
/// images every window lies inside.
struct PatchSymmetry {
  static constexpr Index same_place = std::numeric_limits<Index>::max();  ///< a period: no other place serves a pixel

  Padding border = Padding::zeros;  ///< zeros: the image continues with zeros; circular: with its other side
  Index period = same_place;        ///< in pixels; 1: every place. Of circular images, it divides height and width
};

/// The neighbourhood of a pixel that a local posterior sees at one noise level.
struct PatchWindow {
  Index size = 1;            ///< width in pixels
  double temperature = 1.0;  ///< factor on noise^2 in the weights of patches
  /// Standard deviation, in widths of the window, of the Gaussian by which differences count less the farther they are
  /// from the pixel; infinity: all in the window alike.
  double spread = std::numeric_limits<double>::infinity();
};

namespace detail {

/// Width of the window along an axis of `size` pixels. A window never counts a pixel twice; beyond 2 size - 1 (zeros
/// around the image) it would only grow over zeros.
[[nodiscard]] constexpr Index window_width(Padding border, Index patch_size, Index size) noexcept {
  return std::min(patch_size, border == Padding::circular ? size : 2 * size - 1);
}

/// How many pixels of a window lie before its middle: an even window reaches one pixel further up and left.
[[nodiscard]] constexpr Index reach_before(Index window_width) noexcept { return window_width / 2; }

/// Weights of the `width` pixels of a window along one axis, 1 in its middle: exp(-u^2 / (2 (spread size)^2)), u pixels
/// from it. Empty where all are 1.
template <class Scalar>
[[nodiscard]] std::vector<Scalar> window_weights(Index width, const PatchWindow& window) {
  std::vector<Scalar> weights;
  if (std::isinf(window.spread)) return weights;
  const double deviation = window.spread * static_cast<double>(window.size);
  for (Index pixel = 0; pixel < width; ++pixel) {
    const double distance = static_cast<double>(pixel - reach_before(width)) / deviation;
    weights.push_back(static_cast<Scalar>(std::exp(-0.5 * distance * distance)));
  }
  return weights;
}

/// Returns position + shift, continued at the other side of the border.
[[nodiscard]] constexpr Index shifted(Index position, Index shift, Index size) noexcept {
  return position + shift < size ? position + shift : position + shift - size;
}

/// The shifts q - p from a pixel to the places that serve one or more pixels, along one axis, and for which pixels.
struct ShiftAxis {
  Index size;    ///< of the image along the axis
  Index width;   ///< of the window
  Index period;  ///< between shifts
  Index count;   ///< of shifts
  Index first;   ///< the smallest shift: 0 of circular images, else at most 0
  bool is_circular;

  [[nodiscard]] constexpr Index shift(Index number) const noexcept { return first + number * period; }

  /// The pixels [begin, end) that are served by the places `shift` further on.
  struct Range {
    Index begin, end;
    [[nodiscard]] constexpr Index count() const noexcept { return end - begin; }
  };
  [[nodiscard]] constexpr Range served(Index shift) const noexcept {
    if (is_circular || shift == 0) return {0, size};
    const Index before = reach_before(width);
    const Index last = size - (width - 1 - before);  // one past the last pixel whose window lies inside
    return {shift < 0 ? before - shift : before, shift < 0 ? last : last - shift};
  }
};

/// Returns the shifts along an axis of `size` pixels.
[[nodiscard]] constexpr ShiftAxis shift_axis(const PatchSymmetry& symmetry, Index patch_size, Index size) noexcept {
  const bool is_circular = symmetry.border == Padding::circular;
  const Index width = window_width(symmetry.border, patch_size, size);
  const Index period = std::min(symmetry.period, size);
  if (is_circular) return {size, width, period, size / period, 0, true};
  const Index each_way = width > size ? 0 : (size - width) / period;
  return {size, width, period, 2 * each_way + 1, -each_way * period, false};
}

/// The data of a local posterior beside its training images, on any backend: its symmetry, and a window for each step
/// of a schedule.
class LocalPatches {
 public:
  /// Throws DimensionMismatch unless data (d, n) are images of `shape` and there is one window for each step;
  /// InvalidArgument for a window, a temperature or a period that cannot be.
  template <class Scalar>
  LocalPatches(const ImageShape& shape, const PatchSymmetry& symmetry, std::vector<PatchWindow> windows,
               const Batch<Scalar>& data, NoiseLevels levels)
      : shape_(shape), symmetry_(symmetry), windows_(std::move(windows)), levels_(std::move(levels)) {
    require<DimensionMismatch>(data.rows() == shape.size(), "PatchPosterior: the data are ", shape_text(data),
                               ", but an image of ", shape_text(shape), " has ", shape.size(),
                               " values; set the architecture's shape");
    require<DimensionMismatch>(static_cast<Index>(windows_.size()) == levels_.steps(),
                               "PatchPosterior: ", windows_.size(), " windows for ", levels_.steps(), " noise levels");
    for (const PatchWindow& window : windows_) check(window);
    check_period();
    root_mean_square_ = data.size() == 0
                            ? 0.0
                            : std::sqrt(data.template cast<double>().squaredNorm() / static_cast<double>(data.size()));
  }

  [[nodiscard]] const ImageShape& shape() const noexcept { return shape_; }
  [[nodiscard]] const PatchSymmetry& symmetry() const noexcept { return symmetry_; }
  /// The window at this level: that of the nearest level of the schedule.
  [[nodiscard]] const PatchWindow& window(NoiseLevel level) const noexcept {
    return windows_[static_cast<std::size_t>(levels_.nearest_step(level))];
  }
  /// Shifts along the rows, between one and the next of the image.
  [[nodiscard]] ShiftAxis rows(Index patch_size) const noexcept {
    return shift_axis(symmetry_, patch_size, shape_.height);
  }
  /// Shifts along the columns.
  [[nodiscard]] ShiftAxis columns(Index patch_size) const noexcept {
    return shift_axis(symmetry_, patch_size, shape_.width);
  }

  /// Whether |y|^2, which is the same for all patches, is better left out of |y - signal x|^2. With more noise than
  /// signal it is the most of it, and the rounding of sums over a window with it.
  [[nodiscard]] bool leaves_out_query(NoiseLevel level) const noexcept {
    return level.noise > level.signal * root_mean_square_;
  }

  /// Throws DimensionMismatch when y does not hold such images, InvalidArgument for a window that cannot be.
  template <class Storage>
  void check(const Storage& y, const PatchWindow& window) const {
    require_dimension(y, shape_.size());
    check(window);
  }

 private:
  static void check(const PatchWindow& window) {
    require(window.size >= 1, "PatchPosterior: a patch size of ", window.size, " pixels, expected at least 1");
    require(window.temperature > 0.0 && window.temperature < std::numeric_limits<double>::infinity(),
            "PatchPosterior: a temperature of ", window.temperature, ", expected a positive, finite number");
    require(window.spread > 0.0, "PatchPosterior: a spread of ", window.spread, " widths, expected a positive number");
  }
  void check_period() const {
    const Index period = symmetry_.period;
    require(period >= 1, "PatchPosterior: a period of ", period, " pixels, expected at least 1");
    if (symmetry_.border != Padding::circular) return;
    for (const Index size : {shape_.height, shape_.width})
      require(period >= size || size % period == 0, "PatchPosterior: a period of ", period, " pixels for circular ",
              "images of ", shape_text(shape_), "; expected one that divides height and width");
  }

  ImageShape shape_;
  PatchSymmetry symmetry_;
  std::vector<PatchWindow> windows_;
  NoiseLevels levels_;
  double root_mean_square_;  ///< of the data
};

/// Precision of the weights of patches: that of the posterior, divided by the temperature.
[[nodiscard]] inline double patch_precision(NoiseLevel level, const PatchWindow& window) noexcept {
  return posterior_precision(level) / window.temperature;
}

}  // namespace detail
}  // namespace diffarch
