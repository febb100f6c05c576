#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/core/fitter.hpp"
#include "diffarch/denoiser/posterior/local_patches.hpp"
#include "diffarch/denoiser/posterior/pixel_posteriors.hpp"
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
/// patches share is left out (LocalPatches): single precision is enough at every noise level. A tile of training images
/// stays in cache over all shifts. Of a patch whose weight is below e^-40 of the largest found so far nothing but the
/// distance is computed. Tiles and parts are fixed: column j of the result is bitwise a function of column j of y.
///
/// Every distance is computed. Window sums share the work of neighbouring patches, so that a distance costs about three
/// times as much as a bound on it from eight principal components; a patch that the bound does not exclude would have
/// to be computed alone, at the cost of all values in its window.
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
    const Index parts = parts_of(work);
    const Index block = 256 / parts;
    const Posteriors none(shape_.height * shape_.width, shape_.channels, work.precision);
    std::vector<Posteriors> partial;
    for (Index first = 0; first < y.cols(); first += block) {
      const Index count = std::min(block, y.cols() - first);
      partial.assign(static_cast<std::size_t>(count * parts), none);
      parallel_for(count * parts, 8 * lanes * dimension() * jobs(work) / parts, [&](Index part) {
        add_part(partial[static_cast<std::size_t>(part)], y.col(first + part / parts).data(), work,
                 jobs(work) * (part % parts) / parts, jobs(work) * (part % parts + 1) / parts);
      });
      parallel_for(count, parts * dimension(), [&](Index j) {
        Posteriors& total = partial[static_cast<std::size_t>(j * parts)];
        for (Index part = 1; part < parts; ++part) total.merge(partial[static_cast<std::size_t>(j * parts + part)]);
        total.write_means(x0_hat.col(first + j));
      });
    }
    return x0_hat;
  }

 private:
  static constexpr Index lanes = detail::image_lanes;
  static constexpr Index strip = 4;  ///< columns of pixels whose sums over rows stay in cache

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

  using Posteriors = detail::PixelPosteriors<Scalar>;

  /// Pairs of a tile of training images and a shift.
  [[nodiscard]] Index jobs(const Task& task) const noexcept { return tiles_ * task.shifts(); }
  /// How many parts the jobs are taken in, so that one image can occupy many threads. Merging them costs less than they
  /// do.
  [[nodiscard]] Index parts_of(const Task& task) const noexcept { return std::clamp<Index>(jobs(task) / 32, 8, 64); }

  /// Arrays that one part works in, each entry `lanes` values; columns of a tile are taken in strips of `strip`.
  struct Workspace {
    explicit Workspace(const Task& task)
        : differences((task.rows.size + task.rows.width - 1) * strip * lanes),
          column_sums(task.rows.size * task.columns.size * lanes),
          line((task.columns.size + task.columns.width - 1) * lanes),
          distances(task.columns.size * lanes),
          nearest(task.columns.size),
          near(task.columns.size) {}
    Vector<Scalar> differences;
    Vector<Scalar> column_sums;  ///< strip by strip, in each row by row
    Vector<Scalar> line;
    Vector<Scalar> distances;
    Vector<Scalar> nearest;  ///< of the distances of each served pixel of a row
    Vector<Index> near;      ///< served pixels of a row, one or more of whose patches count
  };

  /// Adds the patches of some of the jobs to the posteriors of the pixels of the image y.
  void add_part(Posteriors& posteriors, const Scalar* y, const Task& task, Index first_job, Index last_job) const {
    Workspace workspace(task);
    for (Index job = first_job; job < last_job; ++job) {
      const Index shift = job % task.shifts();
      const Shifted tile{job / task.shifts(), span(task.rows, shift / task.columns.count),
                         span(task.columns, shift % task.columns.count)};
      for (Index first = 0; first < tile.columns.seen.count(); first += strip)
        sum_columns(workspace, y, task, tile, first, std::min(strip, tile.columns.seen.count() - first));
      for (Index row = tile.rows.served.begin; row < tile.rows.served.end; ++row) {
        sum_line(workspace, task, tile, row - tile.rows.served.begin);
        add_line(posteriors, workspace, tile, row);
      }
    }
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

  /// Values of one pixel of the images of a tile: of each channel `lanes`.
  [[nodiscard]] const Scalar* tile_values(Index tile, Index row, Index column) const noexcept {
    return data_.data() + (tile * dimension() + shape_.index(row, column, 0)) * lanes;
  }

  /// |y - signal x|^2 of `count` columns of pixels that are seen, from column `first` of these on, summed over the rows
  /// of windows.
  void sum_columns(Workspace& workspace, const Scalar* y, const Task& task, const Shifted& tile, Index first,
                   Index count) const {
    const detail::ShiftAxis::Range served = tile.rows.served;
    const detail::ShiftAxis::Range seen = tile.rows.seen;
    const Index row_values = count * lanes;
    const Index above = detail::reach_before(task.rows.width);
    // Line 0 is the first that the window of the first served pixel reaches.
    const auto line = [&](Index row) {
      return workspace.differences.data() + (row - served.begin + above) * row_values;
    };
    for (Index row = seen.begin; row < seen.end; ++row)
      set_differences(line(row), y, task, tile, row, tile.columns.seen.begin + first, count);
    const Index last = served.end + task.rows.width - 1 - above;
    for (Index row = served.begin - above; row < last; ++row)
      if (row < seen.begin || row >= seen.end)
        continue_line(task.rows, line(row), line((row + shape_.height) % shape_.height), row_values);
    sum_windows(workspace.differences.data(), workspace.column_sums.data() + first * served.count() * lanes,
                served.count(), row_values, task.rows, task.row_weights);
  }

  /// |y - signal x|^2 of `count` pixels of a row from `column` on.
  void set_differences(Scalar* sums, const Scalar* y, const Task& task, const Shifted& tile, Index row, Index column,
                       Index count) const {
    const Index patch_row = detail::shifted(row, tile.rows.shift, shape_.height);
    while (count > 0) {
      const Index patch_column = detail::shifted(column, tile.columns.shift, shape_.width);
      const Index run = std::min(count, shape_.width - patch_column);  // up to the other side of the image
      const Scalar* ours = y + shape_.index(row, column, 0);
      const Scalar* theirs = tile_values(tile.tile, patch_row, patch_column);
      if (task.leaves_out_query)
        detail::lane_differences<Scalar, true>(sums, ours, theirs, run, task.signal, shape_.channels);
      else
        detail::lane_differences<Scalar, false>(sums, ours, theirs, run, task.signal, shape_.channels);
      sums += run * lanes;
      column += run;
      count -= run;
    }
  }

  /// Distances of the patches around line `line` of the served pixels: the sums of columns, summed along the line.
  void sum_line(Workspace& workspace, const Task& task, const Shifted& tile, Index line) const {
    const detail::ShiftAxis::Range served = tile.columns.served;
    const detail::ShiftAxis::Range seen = tile.columns.seen;
    const Index left = detail::reach_before(task.columns.width);
    const Index first = served.begin - left;
    const Index last = served.end + task.columns.width - 1 - left;
    const auto place = [&](Index column) { return workspace.line.data() + (column - first) * lanes; };
    const Index rows = tile.rows.served.count();
    for (Index begin = 0; begin < seen.count(); begin += strip) {
      const Index values = std::min(strip, seen.count() - begin) * lanes;
      const Scalar* sums = workspace.column_sums.data() + begin * rows * lanes + line * values;
      std::copy(sums, sums + values, place(seen.begin + begin));
    }
    for (Index column = first; column < last; ++column)
      if (column < seen.begin || column >= seen.end)
        continue_line(task.columns, place(column), place((column + shape_.width) % shape_.width), lanes);
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

  /// Adds the patches of the tile to the posteriors of a row of served pixels.
  void add_line(Posteriors& posteriors, Workspace& workspace, const Shifted& tile, Index row) const {
    const detail::ShiftAxis::Range served = tile.columns.served;
    const Index first = row * shape_.width + served.begin;
    Scalar* distances = workspace.distances.data();
    if (tile.tile == tiles_ - 1)
      for (Index i = 0; i < served.count(); ++i)
        std::fill(distances + i * lanes + lanes - (tiles_ * lanes - images_), distances + (i + 1) * lanes,
                  std::numeric_limits<Scalar>::infinity());
    const Index patch_row = detail::shifted(row, tile.rows.shift, shape_.height);
    Index* near = workspace.near.data();
    Scalar* nearest = workspace.nearest.data();
    const Scalar* reach = posteriors.reach().data() + first;
    Index count = 0;
    for (Index i = 0; i < served.count(); ++i) {
      nearest[i] = detail::least_lane(distances + i * lanes);
      near[count] = i;
      count += (nearest[i] <= reach[i]) & (nearest[i] < std::numeric_limits<Scalar>::infinity());
    }
    for (Index k = 0; k < count; ++k) {
      const Index i = near[k];
      const Index patch_column = detail::shifted(served.begin + i, tile.columns.shift, shape_.width);
      posteriors.add(first + i, distances + i * lanes, nearest[i], tile_values(tile.tile, patch_row, patch_column));
    }
  }

  detail::LocalPatches patches_;
  ImageShape shape_;
  Index images_;
  Index tiles_ = 0;
  Matrix<Scalar> data_;  ///< (lanes, tiles * d): lane i of tile t is training image t * lanes + i
};

}  // namespace diffarch
