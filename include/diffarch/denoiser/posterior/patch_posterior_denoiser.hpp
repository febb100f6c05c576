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

/// Model of `PatchPosterior`, `LocalScore` and `EquivariantLocalScore` on a backend: the host's is here, that of `Cuda`
/// in cuda/denoiser/patch_posterior_denoiser.hpp.
template <class Scalar, class BackendType = Cpu>
class PatchPosteriorDenoiser;

/// The host's model: one softmax over training patches for every pixel, streamed over the training images in one pass.
///
/// Squared distances between patches are window sums of squared differences between pixels, so that a patch costs the
/// same whatever its size: O(values of an image) per pair of a noisy and a training image, and per shift. Differences
/// are formed directly and window sums subtract nothing; with more noise than signal the part of the noise that all
/// patches share is left out (LocalPatches): single precision is enough at every noise level. Images are taken in fixed
/// tiles and parts: column j of the result is bitwise a function of column j of y.
template <class Scalar_>
class PatchPosteriorDenoiser<Scalar_, Cpu> {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;

  /// data: (d, n) images of `shape`; one window for each step of `levels`. Throws DimensionMismatch; InvalidArgument
  /// for a window, a temperature or a period that cannot be.
  PatchPosteriorDenoiser(const ImageShape& shape, const PatchSymmetry& symmetry, std::vector<PatchWindow> windows,
                         const Batch<Scalar>& data, NoiseLevels levels)
      : patches_(shape, symmetry, std::move(windows), data, std::move(levels)), shape_(shape), images_(data.cols()) {
    tiles_ = (images_ + lanes - 1) / lanes;
    data_.setZero(lanes, tiles_ * dimension());
    for (Index i = 0; i < images_; ++i)
      data_.row(i % lanes).segment(i / lanes * dimension(), dimension()) = data.col(i).transpose();
  }

  [[nodiscard]] Index dimension() const noexcept { return shape_.size(); }
  [[nodiscard]] const ImageShape& shape() const noexcept { return shape_; }
  /// The window at this level: that of the nearest level of the schedule.
  [[nodiscard]] const PatchWindow& window(NoiseLevel level) const noexcept { return patches_.window(level); }

  /// x0_hat (d, n) of y (d, n) with the window of the nearest level. Throws DimensionMismatch.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    return denoise_with(y, level, window(level));
  }

  /// x0_hat (d, n) with any window. Throws InvalidArgument, DimensionMismatch.
  [[nodiscard]] Batch<Scalar> denoise_with(const Batch<Scalar>& y, NoiseLevel level, const PatchWindow& window) const {
    patches_.check(y, window);
    const Task work = task(level, window);
    Batch<Scalar> x0_hat(y.rows(), y.cols());
    constexpr Index block = 32;
    std::vector<Posterior> partial;
    for (Index first = 0; first < y.cols(); first += block) {
      const Index count = std::min(block, y.cols() - first);
      partial.assign(static_cast<std::size_t>(count * parts), Posterior{});
      parallel_for(count * parts, work_of_part(work), [&](Index part) {
        partial[static_cast<std::size_t>(part)] = posterior_of_part(y.col(first + part / parts), work, part % parts);
      });
      parallel_for(count, parts * dimension(), [&](Index j) {
        Posterior& total = partial[static_cast<std::size_t>(j * parts)];
        for (Index part = 1; part < parts; ++part)
          total.merge(partial[static_cast<std::size_t>(j * parts + part)], work.precision);
        total.write_mean(x0_hat.col(first + j));
      });
    }
    return x0_hat;
  }

 private:
  static constexpr Index lanes = 16;  ///< training images side by side in vector registers
  static constexpr Index parts = 8;   ///< of the training patches, so that one image can occupy many threads

  using Lanes = Eigen::Array<Scalar, lanes, 1>;
  using LaneMap = Eigen::Map<Lanes>;
  using ConstLaneMap = Eigen::Map<const Lanes>;

  /// The constants that all parts of a call share.
  struct Task {
    Scalar signal;
    double precision;  ///< of the weights of patches; infinite without noise
    bool leaves_out_query;
    detail::ShiftAxis rows, columns;
    std::vector<Scalar> row_weights, column_weights;  ///< of the pixels of a window; empty: all 1

    [[nodiscard]] Index shifts() const noexcept { return rows.count * columns.count; }
  };

  [[nodiscard]] Task task(NoiseLevel level, const PatchWindow& window) const {
    const detail::ShiftAxis rows = patches_.rows(window.size);
    const detail::ShiftAxis columns = patches_.columns(window.size);
    return {.signal = static_cast<Scalar>(level.signal),
            .precision = detail::patch_precision(level, window),
            .leaves_out_query = patches_.leaves_out_query(level),
            .rows = rows,
            .columns = columns,
            .row_weights = detail::window_weights<Scalar>(rows.width, window),
            .column_weights = detail::window_weights<Scalar>(columns.width, window)};
  }

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

  [[nodiscard]] Index work_of_part(const Task& task) const noexcept {
    return 8 * tiles_ * lanes * dimension() * task.shifts() / parts;
  }

  /// Arrays that one part works in, each entry `lanes` values.
  struct Workspace {
    explicit Workspace(const Task& task)
        : differences((task.rows.size + task.rows.width - 1) * task.columns.size * lanes),
          column_sums(task.rows.size * task.columns.size * lanes),
          line((task.columns.size + task.columns.width - 1) * lanes),
          distances(task.columns.size * lanes) {}
    Vector<Scalar> differences;
    Vector<Scalar> column_sums;
    Vector<Scalar> line;
    Vector<Scalar> distances;
  };

  template <class Query>
  [[nodiscard]] Posterior posterior_of_part(const Query& y, const Task& task, Index part) const {
    const Index pixels = shape_.height * shape_.width;
    Posterior posterior{Vector<Scalar>::Constant(pixels, std::numeric_limits<Scalar>::infinity()),
                        Vector<double>::Zero(pixels), Matrix<double>::Zero(shape_.channels, pixels)};
    Workspace workspace(task);
    const Index jobs = tiles_ * task.shifts();
    for (Index job = jobs * part / parts; job < jobs * (part + 1) / parts; ++job) {
      const Index shift = job / tiles_;
      const Shifted tile{job % tiles_, span(task.rows, shift / task.columns.count),
                         span(task.columns, shift % task.columns.count)};
      sum_columns(workspace, y, task, tile);
      for (Index row = tile.rows.served.begin; row < tile.rows.served.end; ++row) {
        sum_line(workspace, task, tile, row - tile.rows.served.begin);
        for (Index column = tile.columns.served.begin; column < tile.columns.served.end; ++column)
          add_patches(posterior, LaneMap(workspace.distances.data() + (column - tile.columns.served.begin) * lanes),
                      task, tile, row, column);
      }
    }
    return posterior;
  }

  /// What a shift along one axis compares: the pixels that are served, and those inside the image that their windows
  /// reach.
  struct Span {
    Index shift;
    detail::ShiftAxis::Range served, seen;
  };
  [[nodiscard]] static Span span(const detail::ShiftAxis& axis, Index number) noexcept {
    const Index shift = axis.shift(number);
    const auto served = axis.served(shift);
    const Index before = detail::reach_before(axis.width);
    return {shift,
            served,
            {std::max<Index>(0, served.begin - before), std::min(axis.size, served.end + axis.width - 1 - before)}};
  }

  /// A tile of training images, shifted.
  struct Shifted {
    Index tile;
    Span rows, columns;
  };

  /// Values of one pixel and channel of the images of a tile.
  [[nodiscard]] ConstLaneMap tile_values(Index tile, Index row, Index column, Index channel) const {
    return ConstLaneMap(data_.data() + (tile * dimension() + shape_.index(row, column, channel)) * lanes);
  }

  /// |y - signal x|^2 of the pixels that are seen, summed over the rows of windows.
  template <class Query>
  void sum_columns(Workspace& workspace, const Query& y, const Task& task, const Shifted& tile) const {
    const Index shift = tile.rows.shift;
    const detail::ShiftAxis::Range served = tile.rows.served;
    const detail::ShiftAxis::Range seen = tile.rows.seen;
    const Index row_values = tile.columns.seen.count() * lanes;
    const Index above = detail::reach_before(task.rows.width);
    // Line 0 is the first that the window of the first served pixel reaches.
    const auto line = [&](Index row) {
      return workspace.differences.data() + (row - served.begin + above) * row_values;
    };
    for (Index row = seen.begin; row < seen.end; ++row)
      for (Index column = tile.columns.seen.begin; column < tile.columns.seen.end; ++column) {
        LaneMap sum(line(row) + (column - tile.columns.seen.begin) * lanes);
        sum.setZero();
        for (Index channel = 0; channel < shape_.channels; ++channel) {
          const Scalar ours = y(shape_.index(row, column, channel));
          const ConstLaneMap theirs = tile_values(tile.tile, detail::shifted(row, shift, shape_.height),
                                                  detail::shifted(column, tile.columns.shift, shape_.width), channel);
          if (task.leaves_out_query)
            sum += (task.signal * theirs) * (task.signal * theirs - (ours + ours));
          else
            sum += (ours - task.signal * theirs).square();
        }
      }
    const Index last = served.end + task.rows.width - 1 - above;
    for (Index row = served.begin - above; row < last; ++row)
      if (row < seen.begin || row >= seen.end)
        continue_line(task.rows, line(row), line((row + shape_.height) % shape_.height), row_values);
    sum_windows(workspace.differences.data(), workspace.column_sums.data(), served.count(), row_values, task.rows,
                task.row_weights);
  }

  /// Distances of the patches around line `line` of the served pixels: the sums of columns, summed along the line.
  void sum_line(Workspace& workspace, const Task& task, const Shifted& tile, Index line) const {
    const detail::ShiftAxis::Range served = tile.columns.served;
    const detail::ShiftAxis::Range seen = tile.columns.seen;
    const Scalar* sums = workspace.column_sums.data() + line * seen.count() * lanes;
    const Index left = detail::reach_before(task.columns.width);
    const Index first = served.begin - left;
    const Index last = served.end + task.columns.width - 1 - left;
    for (Index column = first; column < last; ++column)
      if (column < seen.begin || column >= seen.end)
        continue_line(task.columns, workspace.line.data() + (column - first) * lanes,
                      sums + (column + 2 * shape_.width) % shape_.width * lanes, lanes);
    std::copy(sums, sums + seen.count() * lanes, workspace.line.data() + (seen.begin - first) * lanes);
    sum_windows(workspace.line.data(), workspace.distances.data(), served.count(), lanes, task.columns,
                task.column_weights);
  }

  static void sum_windows(Scalar* line, Scalar* sums, Index count, Index stride, const detail::ShiftAxis& axis,
                          const std::vector<Scalar>& weights) {
    if (weights.empty())
      detail::window_sums(line, sums, count, stride, axis.width);
    else
      detail::weighted_window_sums(line, sums, count, stride, weights);
  }

  /// Sets the values beyond the border: zeros, or those of the other side.
  static void continue_line(const detail::ShiftAxis& axis, Scalar* outside, const Scalar* other_side, Index count) {
    if (axis.is_circular)
      std::copy(other_side, other_side + count, outside);
    else
      std::fill(outside, outside + count, Scalar(0));
  }

  /// Adds one patch of each image of the tile to the posterior of the pixel at (row, column).
  void add_patches(Posterior& posterior, LaneMap distances, const Task& task, const Shifted& tile, Index row,
                   Index column) const {
    const Index pixel = row * shape_.width + column;
    if (tile.tile == tiles_ - 1)
      distances.tail(tiles_ * lanes - images_).setConstant(std::numeric_limits<Scalar>::infinity());
    const Scalar nearest = distances.minCoeff();
    Scalar& smallest = posterior.smallest(pixel);
    if (detail::is_negligible(static_cast<double>(nearest - smallest), task.precision)) return;
    double& weight_sum = posterior.weight_sum(pixel);
    auto weighted_sum = posterior.weighted_sum.col(pixel);
    if (nearest < smallest) {
      const double keep =
          weight_sum == 0.0 ? 0.0 : detail::posterior_weight(static_cast<double>(smallest - nearest), task.precision);
      weight_sum *= keep;
      weighted_sum *= keep;
      smallest = nearest;
    }
    Lanes weights;
    if (std::isinf(task.precision))
      weights = (distances == smallest).template cast<Scalar>();
    else
      weights = ((smallest - distances) * static_cast<Scalar>(task.precision)).exp();
    weight_sum += static_cast<double>(weights.sum());
    const Index patch_row = detail::shifted(row, tile.rows.shift, shape_.height);
    const Index patch_column = detail::shifted(column, tile.columns.shift, shape_.width);
    for (Index channel = 0; channel < shape_.channels; ++channel)
      weighted_sum(channel) +=
          static_cast<double>((weights * tile_values(tile.tile, patch_row, patch_column, channel)).sum());
  }

  detail::LocalPatches patches_;
  ImageShape shape_;
  Index images_;
  Index tiles_ = 0;
  Matrix<Scalar> data_;  ///< (lanes, tiles * d): lane i of tile t is training image t * lanes + i
};

}  // namespace diffarch
