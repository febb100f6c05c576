#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/cuda/denoiser/patch_functors.hpp"
#include "diffarch/cuda/runtime/backend.hpp"
#include "diffarch/denoiser/posterior/patch_posterior_denoiser.hpp"

namespace diffarch {

/// Model of `PatchPosterior` and its members on the device: what the host computes, streamed over tiles of shifted
/// training images in one pass. For each tile: squared differences of pixels, their window sums by doubling
/// along both axes, weights relative to the nearest patch so far, weighted sums in double. Every pixel has eight
/// posteriors, each over every eighth image, which are merged at the end.
///
/// Memory beside the training images: three arrays of at most 2^21 values (those of 8 images where these are larger)
/// for the pairs of a tile and a block of noisy images, so that the passes over them stay in the cache of the device,
/// and 8 (24 pixels + 8 d) bytes for each of at most 64 noisy images of the block. Tiles depend on the shape of the
/// images alone: column j of the result is bitwise a function of column j of y.
template <class Scalar_>
class PatchPosteriorDenoiser<Scalar_, Cuda> {
 public:
  using Scalar = Scalar_;
  using BackendType = Cuda;
  using Storage = cuda::DeviceArray<Scalar>;

  /// data: (d, n) images of `shape`; one window for each step of `levels`. Throws DimensionMismatch; InvalidArgument
  /// for a window, a temperature or a period that cannot be.
  PatchPosteriorDenoiser(const ImageShape& shape, const PatchSymmetry& symmetry, std::vector<PatchWindow> windows,
                         const Batch<Scalar>& data, NoiseLevels levels)
      : patches_(shape, symmetry, std::move(windows), data, std::move(levels)), data_(Storage::upload(data)) {}

  [[nodiscard]] Index dimension() const noexcept { return shape().size(); }
  [[nodiscard]] const ImageShape& shape() const noexcept { return patches_.shape(); }
  /// The window at this level: that of the nearest level of the schedule.
  [[nodiscard]] const PatchWindow& window(NoiseLevel level) const noexcept { return patches_.window(level); }

  /// x0_hat (d, n) of y (d, n) with the window of the nearest level. Throws DimensionMismatch; InvalidArgument for 2^32
  /// shifted images and more.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    return denoise_with(y, level, window(level));
  }

  /// x0_hat (d, n) with any window. Throws like denoise, and InvalidArgument for a window that cannot be.
  [[nodiscard]] Storage denoise_with(const Storage& y, NoiseLevel level, const PatchWindow& window) const {
    patches_.check(y, window);
    const cuda::detail::ShiftedImages<Scalar> training{data_.data(), shape(), data_.cols(), patches_.rows(window.size),
                                                       patches_.columns(window.size)};
    const Index images = shifted_images(training);
    detail::require(images <= std::numeric_limits<std::uint32_t>::max() - tile_images(), "PatchPosterior: ", images,
                    " training images with their shifts; expected fewer than 2^32");
    Storage x0_hat(y.rows(), y.cols());
    const Index tile = std::min(tile_images(), images);
    const Index block = std::min(std::clamp<Index>(most_pairs / (tile * pixels()), 1, 64), y.cols());
    if (block == 0) return x0_hat;
    Workspace workspace(pixels(), dimension(), tile, block);
    const Task task{level,
                    detail::patch_precision(level, window),
                    training,
                    {{axis_of(training.rows, shape().width, window), axis_of(training.columns, 1, window)}}};
    for (Index first = 0; first < y.cols(); first += block)
      denoise_block(y.column(first), x0_hat.column(first), std::min(block, y.cols() - first), task, tile, workspace);
    return x0_hat;
  }

 private:
  static constexpr Index parts = 8;             ///< posteriors of a pixel, so that few noisy images occupy many threads
  static constexpr Index most_pairs = 1 << 21;  ///< values of a tile and a block
  static constexpr Index most_values_of_tile = 1 << 18;  ///< for one noisy image

  struct Workspace {
    Workspace(Index pixels, Index d, Index tile, Index block)
        : pairs{Storage(pixels, tile * block), Storage(pixels, tile * block), Storage(pixels, tile * block)},
          states(pixels, parts * block),
          weighted_sums(d, parts * block) {}
    Storage pairs[3];
    cuda::DeviceArray<cuda::detail::PatchState<Scalar>> states;
    cuda::DeviceArray<double> weighted_sums;
  };

  /// The windows along one axis, and the weights of their pixels: none where all are 1.
  struct Axis {
    cuda::detail::WindowAxis window;
    Storage weights;
  };
  [[nodiscard]] static Axis axis_of(const detail::ShiftAxis& axis, Index stride, const PatchWindow& window) {
    const std::vector<Scalar> weights = detail::window_weights<Scalar>(axis.width, window);
    return {{axis.size, stride, axis.width, axis.is_circular},
            Storage::upload(
                Vector<Scalar>(Eigen::Map<const Vector<Scalar>>(weights.data(), static_cast<Index>(weights.size()))))};
  }

  /// The constants that all blocks of a call share.
  struct Task {
    NoiseLevel level;
    double precision;  ///< of the weights of patches
    cuda::detail::ShiftedImages<Scalar> training;
    std::array<Axis, 2> axes;
  };

  [[nodiscard]] Index pixels() const noexcept { return shape().height * shape().width; }
  [[nodiscard]] static Index shifted_images(const cuda::detail::ShiftedImages<Scalar>& training) noexcept {
    return training.images * training.rows.count * training.columns.count;
  }
  /// A multiple of the parts, so that every image keeps its part, whatever the tile.
  [[nodiscard]] Index tile_images() const noexcept {
    return std::max<Index>(1, most_values_of_tile / pixels() / parts) * parts;
  }

  void denoise_block(const Scalar* y, Scalar* x0_hat, Index queries, const Task& task, Index tile,
                     Workspace& workspace) const {
    const auto& [level, precision, training, axes] = task;
    const Index images = shifted_images(training);
    auto* const states = workspace.states.data();
    double* const weighted_sums = workspace.weighted_sums.data();
    Cuda::for_each(pixels(), parts * queries, cuda::detail::StartPatches<Scalar>{states, pixels()});
    workspace.weighted_sums.set_zero();
    for (Index first = 0; first < images; first += tile) {
      const Index count = std::min(tile, images - first);
      Scalar* blocks = workspace.pairs[0].data();
      Scalar* doubled = workspace.pairs[1].data();
      Scalar* sums = workspace.pairs[2].data();
      Cuda::for_each(
          pixels(), count * queries,
          cuda::detail::PixelDifferences<Scalar>{blocks, y, training, first, count, static_cast<Scalar>(level.signal),
                                                 patches_.leaves_out_query(level)});
      for (const Axis& axis : axes) {
        if (axis.weights.size() != 0) {
          Cuda::for_each(
              pixels(), count * queries,
              cuda::detail::WeightedWindows<Scalar>{sums, blocks, axis.weights.data(), axis.window, pixels()});
          std::swap(blocks, sums);
          continue;
        }
        if (axis.window.width == 1) continue;
        const Index longest = std::min(axis.window.width, axis.window.size);
        for (Index block = 1; block <= longest; block *= 2) {
          Cuda::for_each(pixels(), count * queries,
                         cuda::detail::WindowDoubling<Scalar>{sums, doubled, blocks, axis.window, block, pixels()});
          std::swap(blocks, doubled);
        }
        std::swap(blocks, sums);
      }
      Cuda::for_each(pixels(), parts * queries,
                     cuda::detail::PatchWeights<Scalar>{states, blocks, training, first, count, parts, precision});
      Cuda::for_each(dimension(), parts * queries,
                     cuda::detail::PatchSums<Scalar>{weighted_sums, states, blocks, training, first, count, parts});
    }
    Cuda::for_each(dimension(), queries,
                   cuda::detail::MergePatches<Scalar>{x0_hat, weighted_sums, states, shape(), parts, precision});
  }

  detail::LocalPatches patches_;
  Storage data_;
};

}  // namespace diffarch
