#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/core/fitter.hpp"
#include "diffarch/denoiser/posterior/local_patches.hpp"
#include "diffarch/denoiser/posterior/posterior_weight.hpp"
#include "diffarch/denoiser/posterior/window_sums.hpp"

namespace diffarch {

/// Model of `LocalScore` and `EquivariantLocalScore` on a backend: the host's is here, that of `Cuda` in
/// cuda/denoiser/local_score_denoiser.hpp.
template <PatchPooling Pooling, class Scalar, class BackendType = Cpu>
class LocalScoreDenoiser;

/// Model of `LocalScore` and `EquivariantLocalScore`: one softmax over training patches for every pixel, streamed over
/// the training images in one pass.
///
/// Squared distances between patches are window sums of squared differences between pixels, so that a patch costs the
/// same whatever its size: O(values of an image) per pair of a noisy and a training image, and per shift. Differences
/// are formed directly and window sums subtract nothing; with more noise than signal the part of the noise that all
/// patches share is left out (LocalPatches): single precision is enough at every noise level. Images are taken in fixed
/// tiles and parts: column j of the result is bitwise a function of column j of y.
template <PatchPooling Pooling, class Scalar_>
class LocalScoreDenoiser<Pooling, Scalar_, Cpu> {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;

  /// data: (d, n) images of `shape`; one patch size for each step of `levels`. Throws DimensionMismatch.
  LocalScoreDenoiser(const ImageShape& shape, std::vector<Index> patch_sizes, const Batch<Scalar>& data,
                     NoiseLevels levels)
      : patches_(shape, std::move(patch_sizes), data, std::move(levels)), shape_(shape), images_(data.cols()) {
    tiles_ = (images_ + lanes - 1) / lanes;
    data_.setZero(lanes, tiles_ * dimension());
    for (Index i = 0; i < images_; ++i)
      data_.row(i % lanes).segment(i / lanes * dimension(), dimension()) = data.col(i).transpose();
  }

  [[nodiscard]] Index dimension() const noexcept { return shape_.size(); }
  [[nodiscard]] const ImageShape& shape() const noexcept { return shape_; }
  /// Patch width at this level: that of the nearest level of the schedule.
  [[nodiscard]] Index patch_size(NoiseLevel level) const noexcept { return patches_.patch_size(level); }

  /// x0_hat (d, n) of y (d, n) with the patch size of the nearest level. Throws DimensionMismatch.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    return denoise_with_patch(y, level, patch_size(level));
  }

  /// x0_hat (d, n) with any patch size >= 1. Throws InvalidArgument, DimensionMismatch.
  [[nodiscard]] Batch<Scalar> denoise_with_patch(const Batch<Scalar>& y, NoiseLevel level, Index patch_size) const {
    patches_.check(y, patch_size);
    Batch<Scalar> x0_hat(y.rows(), y.cols());
    constexpr Index block = 32;
    std::vector<Posterior> partial;
    for (Index first = 0; first < y.cols(); first += block) {
      const Index count = std::min(block, y.cols() - first);
      partial.assign(static_cast<std::size_t>(count * parts), Posterior{});
      parallel_for(count * parts, work_of_part(), [&](Index task) {
        partial[static_cast<std::size_t>(task)] =
            posterior_of_part(y.col(first + task / parts), level, patch_size, task % parts);
      });
      parallel_for(count, parts * dimension(), [&](Index j) {
        Posterior& total = partial[static_cast<std::size_t>(j * parts)];
        for (Index part = 1; part < parts; ++part)
          total.merge(partial[static_cast<std::size_t>(j * parts + part)], detail::posterior_precision(level));
        total.write_mean(x0_hat.col(first + j));
      });
    }
    return x0_hat;
  }

 private:
  static constexpr bool pools_shifts = Pooling == PatchPooling::all_shifts;
  static constexpr Index lanes = 16;  ///< training images side by side in vector registers
  static constexpr Index parts = 8;   ///< of the training patches, so that one image can occupy many threads

  using Lanes = Eigen::Array<Scalar, lanes, 1>;
  using LaneMap = Eigen::Map<Lanes>;
  using ConstLaneMap = Eigen::Map<const Lanes>;

  /// The posterior of each pixel after a part of the training patches.
  struct Posterior {
    Vector<Scalar> smallest;      ///< squared distance of the nearest patch, (pixels)
    Vector<double> weight_sum;    ///< (pixels)
    Matrix<double> weighted_sum;  ///< (channels, pixels)

    void merge(const Posterior& other, double precision) {
      for (Index pixel = 0; pixel < smallest.size(); ++pixel) {
        const auto mine = static_cast<double>(smallest(pixel));
        const auto theirs = static_cast<double>(other.smallest(pixel));
        if (other.weight_sum(pixel) == 0.0) continue;
        const double nearest = std::min(mine, theirs);
        const double keep = weight_sum(pixel) == 0.0 ? 0.0 : detail::posterior_weight(mine - nearest, precision);
        const double add = detail::posterior_weight(theirs - nearest, precision);
        weight_sum(pixel) = keep * weight_sum(pixel) + add * other.weight_sum(pixel);
        weighted_sum.col(pixel) = keep * weighted_sum.col(pixel) + add * other.weighted_sum.col(pixel);
        smallest(pixel) = std::min(smallest(pixel), other.smallest(pixel));
      }
    }

    template <class Column>
    void write_mean(Column x0_hat) const {
      const Index channels = weighted_sum.rows();
      for (Index pixel = 0; pixel < smallest.size(); ++pixel)
        x0_hat.segment(pixel * channels, channels) =
            (weighted_sum.col(pixel) / weight_sum(pixel)).template cast<Scalar>();
    }
  };

  [[nodiscard]] Index work_of_part() const noexcept {
    return 8 * tiles_ * lanes * dimension() * (pools_shifts ? shape_.height * shape_.width : 1) / parts;
  }

  /// Arrays that one task works in, each entry `lanes` values.
  struct Workspace {
    Workspace(const ImageShape& shape, Index window_height, Index window_width)
        : differences((shape.height + window_height - 1) * shape.width * lanes),
          column_sums(shape.height * shape.width * lanes),
          line((shape.width + window_width - 1) * lanes),
          distances(shape.width * lanes) {}
    Vector<Scalar> differences;
    Vector<Scalar> column_sums;
    Vector<Scalar> line;
    Vector<Scalar> distances;
  };

  [[nodiscard]] static Index window_width(Index patch_size, Index size) noexcept {
    return detail::window_width(Pooling, patch_size, size);
  }

  template <class Query>
  [[nodiscard]] Posterior posterior_of_part(const Query& y, NoiseLevel level, Index patch_size, Index part) const {
    const Index pixels = shape_.height * shape_.width;
    Posterior posterior{Vector<Scalar>::Constant(pixels, std::numeric_limits<Scalar>::infinity()),
                        Vector<double>::Zero(pixels), Matrix<double>::Zero(shape_.channels, pixels)};
    Workspace workspace(shape_, window_width(patch_size, shape_.height), window_width(patch_size, shape_.width));
    const Index jobs = tiles_ * (pools_shifts ? pixels : 1);
    for (Index job = jobs * part / parts; job < jobs * (part + 1) / parts; ++job) {
      const Index shift = job / tiles_;
      add_tile(posterior, workspace, y, level, patch_size, job % tiles_, shift / shape_.width, shift % shape_.width);
    }
    return posterior;
  }

  /// Values of one pixel and channel of the images of a tile.
  [[nodiscard]] ConstLaneMap tile_values(Index tile, Index row, Index column, Index channel) const {
    return ConstLaneMap(data_.data() + (tile * dimension() + shape_.index(row, column, channel)) * lanes);
  }

  template <class Query>
  void add_tile(Posterior& posterior, Workspace& workspace, const Query& y, NoiseLevel level, Index patch_size,
                Index tile, Index row_shift, Index column_shift) const {
    const Index height = shape_.height;
    const Index width = shape_.width;
    const Index row_values = width * lanes;
    const auto signal = static_cast<Scalar>(level.signal);
    const bool leaves_out_query = patches_.leaves_out_query(level);

    const Index window_rows = window_width(patch_size, height);
    const Index above = detail::reach_before(window_rows);
    const auto image_row = [&](Index row) { return workspace.differences.data() + (row + above) * row_values; };
    for (Index row = 0; row < height; ++row)
      for (Index column = 0; column < width; ++column) {
        LaneMap sum(image_row(row) + column * lanes);
        sum.setZero();
        for (Index channel = 0; channel < shape_.channels; ++channel) {
          const Scalar ours = y(shape_.index(row, column, channel));
          const ConstLaneMap theirs = tile_values(tile, detail::shifted(row, row_shift, height),
                                                  detail::shifted(column, column_shift, width), channel);
          if (leaves_out_query)
            sum += (signal * theirs) * (signal * theirs - (ours + ours));
          else
            sum += (ours - signal * theirs).square();
        }
      }
    for (Index row = -above; row < height + window_rows - 1 - above; ++row)
      if (row < 0 || row >= height) continue_line(image_row(row), image_row((row + height) % height), row_values);
    detail::window_sums(workspace.differences.data(), workspace.column_sums.data(), height, row_values, window_rows);

    const Index window_columns = window_width(patch_size, width);
    const Index left = detail::reach_before(window_columns);
    for (Index row = 0; row < height; ++row) {
      const Scalar* sums = workspace.column_sums.data() + row * row_values;
      for (Index column = -left; column < width + window_columns - 1 - left; ++column)
        if (column < 0 || column >= width)
          continue_line(workspace.line.data() + (column + left) * lanes, sums + (column + 2 * width) % width * lanes,
                        lanes);
      std::copy(sums, sums + row_values, workspace.line.data() + left * lanes);
      detail::window_sums(workspace.line.data(), workspace.distances.data(), width, lanes, window_columns);
      for (Index column = 0; column < width; ++column)
        add_patches(posterior, LaneMap(workspace.distances.data() + column * lanes), level, tile, row, column,
                    detail::shifted(row, row_shift, height), detail::shifted(column, column_shift, width));
    }
  }

  /// Sets the values beyond the border: zeros, or those of the other side.
  static void continue_line(Scalar* outside, const Scalar* other_side, Index count) {
    if constexpr (pools_shifts)
      std::copy(other_side, other_side + count, outside);
    else
      std::fill(outside, outside + count, Scalar(0));
  }

  /// Adds one patch of each image of the tile to the posterior of the pixel at (row, column); (patch_row, patch_column)
  /// is the middle of the patch in the training image.
  void add_patches(Posterior& posterior, LaneMap distances, NoiseLevel level, Index tile, Index row, Index column,
                   Index patch_row, Index patch_column) const {
    const Index pixel = row * shape_.width + column;
    const double precision = detail::posterior_precision(level);
    if (tile == tiles_ - 1)
      distances.tail(tiles_ * lanes - images_).setConstant(std::numeric_limits<Scalar>::infinity());
    const Scalar nearest = distances.minCoeff();
    Scalar& smallest = posterior.smallest(pixel);
    if (detail::is_negligible(static_cast<double>(nearest - smallest), precision)) return;
    double& weight_sum = posterior.weight_sum(pixel);
    auto weighted_sum = posterior.weighted_sum.col(pixel);
    if (nearest < smallest) {
      const double keep =
          weight_sum == 0.0 ? 0.0 : detail::posterior_weight(static_cast<double>(smallest - nearest), precision);
      weight_sum *= keep;
      weighted_sum *= keep;
      smallest = nearest;
    }
    Lanes weights;
    if (level.is_clean())
      weights = (distances == smallest).template cast<Scalar>();
    else
      weights = ((smallest - distances) * static_cast<Scalar>(precision)).exp();
    weight_sum += static_cast<double>(weights.sum());
    for (Index channel = 0; channel < shape_.channels; ++channel)
      weighted_sum(channel) +=
          static_cast<double>((weights * tile_values(tile, patch_row, patch_column, channel)).sum());
  }

  detail::LocalPatches patches_;
  ImageShape shape_;
  Index images_;
  Index tiles_ = 0;
  Matrix<Scalar> data_;  ///< (lanes, tiles * d): lane i of tile t is training image t * lanes + i
};

}  // namespace diffarch
