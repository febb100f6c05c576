#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/noise_levels.hpp"

namespace diffarch {

/// Which training patches a local posterior ranges over.
enum class PatchPooling {
  same_place,  ///< those at the location of the pixel; the image continues with zeros beyond its border
  all_shifts   ///< those at every location, each training image continued periodically
};

namespace detail {

/// Width of the window along an axis of `size` pixels. A window never counts a pixel twice; beyond 2 size - 1 (same
/// place) it would only grow over zeros.
[[nodiscard]] constexpr Index window_width(PatchPooling pooling, Index patch_size, Index size) noexcept {
  return std::min(patch_size, pooling == PatchPooling::all_shifts ? size : 2 * size - 1);
}

/// How many pixels of a window lie before its middle: an even window reaches one pixel further up and left.
[[nodiscard]] constexpr Index reach_before(Index window_width) noexcept { return window_width / 2; }

/// Returns position + shift, continued at the other side of the border.
[[nodiscard]] constexpr Index shifted(Index position, Index shift, Index size) noexcept {
  return position + shift < size ? position + shift : position + shift - size;
}

/// The data of a local score beside its training images, on any backend: one patch size for each step of a schedule.
class LocalPatches {
 public:
  /// Throws DimensionMismatch unless data (d, n) are images of `shape` and there is one patch size for each step.
  template <class Scalar>
  LocalPatches(const ImageShape& shape, std::vector<Index> patch_sizes, const Batch<Scalar>& data, NoiseLevels levels)
      : shape_(shape), patch_sizes_(std::move(patch_sizes)), levels_(std::move(levels)) {
    require<DimensionMismatch>(data.rows() == shape.size(), "LocalScore: the data are ", shape_text(data),
                               ", but an image of ", shape_text(shape), " has ", shape.size(),
                               " values; set LocalScore::shape");
    require<DimensionMismatch>(static_cast<Index>(patch_sizes_.size()) == levels_.steps(),
                               "LocalScore: ", patch_sizes_.size(), " patch sizes for ", levels_.steps(),
                               " noise levels");
    root_mean_square_ = data.size() == 0
                            ? 0.0
                            : std::sqrt(data.template cast<double>().squaredNorm() / static_cast<double>(data.size()));
  }

  [[nodiscard]] const ImageShape& shape() const noexcept { return shape_; }
  /// Patch width at this level: that of the nearest level of the schedule.
  [[nodiscard]] Index patch_size(NoiseLevel level) const noexcept {
    return patch_sizes_[static_cast<std::size_t>(levels_.nearest_step(level))];
  }

  /// Whether |y|^2, which is the same for all patches, is better left out of |y - signal x|^2. With more noise than
  /// signal it is the most of it, and the rounding of sums over a window with it.
  [[nodiscard]] bool leaves_out_query(NoiseLevel level) const noexcept {
    return level.noise > level.signal * root_mean_square_;
  }

  /// Throws DimensionMismatch when y does not hold such images, InvalidArgument for a patch size below 1.
  template <class Storage>
  void check(const Storage& y, Index patch_size) const {
    require_dimension(y, shape_.size());
    require(patch_size >= 1, "LocalScore: patch size ", patch_size, ", expected at least 1");
  }

 private:
  ImageShape shape_;
  std::vector<Index> patch_sizes_;
  NoiseLevels levels_;
  double root_mean_square_;  ///< of the data
};

}  // namespace detail
}  // namespace diffarch
