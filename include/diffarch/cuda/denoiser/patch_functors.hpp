#pragma once

#include <cstdint>
#include <limits>

#include "diffarch/core/image_shape.hpp"
#include "diffarch/denoiser/posterior/local_patches.hpp"
#include "diffarch/denoiser/posterior/posterior_weight.hpp"

/// The functors of patch posteriors on the device, for a tile of shifted training images and a block of noisy ones,
/// called queries. Arrays of pairs are (pixels, images of the tile x queries): threads next to each other have pixels
/// next to each other.
namespace diffarch::cuda::detail {

struct Division {
  Index quotient, remainder;
};

/// Divides numbers in [0, 2^32). A division of 64 bits costs several times as much on a device.
[[nodiscard]] constexpr Division divide(Index number, Index divisor) {
  const auto quotient = static_cast<std::uint32_t>(number) / static_cast<std::uint32_t>(divisor);
  return {static_cast<Index>(quotient),
          static_cast<Index>(static_cast<std::uint32_t>(number) - quotient * static_cast<std::uint32_t>(divisor))};
}

/// Training images (d, images) and their shifts, one after the other: number `shift * images + image`.
template <class Scalar>
struct ShiftedImages {
  const Scalar* values;
  ImageShape shape;
  Index images;
  diffarch::detail::ShiftAxis rows, columns;  ///< the shifts are all pairs, those of columns fastest

  struct Place {
    Index image, row_shift, column_shift;
  };
  [[nodiscard]] constexpr Place place(Index number) const {
    const Division shift = divide(number, images);
    const Division by = divide(shift.quotient, columns.count);
    return {shift.remainder, rows.shift(by.quotient), columns.shift(by.remainder)};
  }
  /// The channels of a pixel of a shifted image; null beyond the border.
  [[nodiscard]] constexpr const Scalar* at(Index number, Index pixel) const {
    const Place shifted_by = place(number);
    const Division position = divide(pixel, shape.width);
    const Index row = diffarch::detail::shifted(position.quotient, shifted_by.row_shift, shape.height);
    const Index column = diffarch::detail::shifted(position.remainder, shifted_by.column_shift, shape.width);
    if (row < 0 || column < 0 || !reaches(rows, position.quotient, shifted_by.row_shift) ||
        !reaches(columns, position.remainder, shifted_by.column_shift))
      return nullptr;
    return values + shifted_by.image * shape.size() + shape.index(row, column);
  }
  /// Whether a shifted image has a patch for a pixel.
  [[nodiscard]] constexpr bool serves(Index number, Index pixel) const {
    if (rows.count == 1 && columns.count == 1) return true;
    const Place shifted_by = place(number);
    const Division position = divide(pixel, shape.width);
    const auto by_rows = rows.served(shifted_by.row_shift);
    const auto by_columns = columns.served(shifted_by.column_shift);
    return position.quotient >= by_rows.begin && position.quotient < by_rows.end &&
           position.remainder >= by_columns.begin && position.remainder < by_columns.end;
  }

 private:
  /// Whether the place `shift` further on is a pixel of the image, which has another side or not.
  [[nodiscard]] static constexpr bool reaches(const diffarch::detail::ShiftAxis& axis, Index position, Index shift) {
    return axis.is_circular || position + shift < axis.size;
  }
};

/// |y - signal x|^2 over the channels of a pixel, less |y|^2 where that is left out, for every pair of the tile of
/// `count` images that begins at `first`. Beyond the border, where no window of a served pixel reaches, it is 0.
template <class Scalar>
struct PixelDifferences {
  Scalar* differences;
  const Scalar* y;  ///< (d, queries)
  ShiftedImages<Scalar> training;
  Index first, count;
  Scalar signal;
  bool leaves_out_query;
  constexpr void operator()(Index pixel, Index pair) const {
    const Index channels = training.shape.channels;
    const Index pixels = training.shape.height * training.shape.width;
    const Division query = divide(pair, count);
    const Scalar* const ours = y + (query.quotient * pixels + pixel) * channels;
    const Scalar* const theirs = training.at(first + query.remainder, pixel);
    Scalar sum(0);
    for (Index channel = 0; theirs != nullptr && channel < channels; ++channel) {
      const Scalar clean = signal * theirs[channel];
      const Scalar difference = clean - (leaves_out_query ? ours[channel] + ours[channel] : ours[channel]);
      sum += (leaves_out_query ? clean : difference) * difference;
    }
    differences[pair * pixels + pixel] = sum;
  }
};

/// One axis of an image and the windows along it: neighbours are `stride` pixels apart.
struct WindowAxis {
  Index size, stride, width;
  bool is_torus;

  [[nodiscard]] constexpr Index position(Index pixel) const {
    return stride == 1 ? divide(pixel, size).remainder : divide(pixel, stride).quotient;
  }
  [[nodiscard]] constexpr Index wrapped(Index position) const {
    return position < 0 ? position + size : position >= size ? position - size : position;
  }
  /// The first pixel of the window of a position, and the number of its pixels. On a plane only pixels inside the image
  /// count, since the values beyond the border are zero.
  struct Window {
    Index begin, length;
  };
  [[nodiscard]] constexpr Window window(Index position) const {
    const Index begin = position - diffarch::detail::reach_before(width);
    if (is_torus) return {wrapped(begin), width};
    const Index inside = begin < 0 ? 0 : begin;
    const Index end = begin + width < size ? begin + width : size;
    return {inside, end - inside};
  }
};

/// One step of window sums by doubling. `blocks` are sums of `block` = 2^k neighbours from each position on. Adds to
/// `sums` the block that the binary expansion of the window's length calls for, smallest first, and makes blocks of
/// twice the length. Nothing is ever subtracted, so the sums have a small relative error (see window_sums).
template <class Scalar>
struct WindowDoubling {
  Scalar* sums;
  Scalar* doubled;
  const Scalar* blocks;
  WindowAxis axis;
  Index block;
  Index pixels;
  constexpr void operator()(Index pixel, Index pair) const {
    const Index position = axis.position(pixel);
    const Index element = pair * pixels + pixel;
    const Index line = element - position * axis.stride;
    const WindowAxis::Window window = axis.window(position);
    if ((window.length & block) != 0) {
      const Index summed = window.length & (block - 1);
      const Scalar value = blocks[line + axis.wrapped(window.begin + summed) * axis.stride];
      sums[element] = summed == 0 ? value : sums[element] + value;
    }
    // On a plane nobody reads the blocks that would reach beyond the border.
    const Index next = axis.is_torus ? axis.wrapped(position + block) : position + block;
    doubled[element] = next < axis.size ? blocks[element] + blocks[line + next * axis.stride] : blocks[element];
  }
};

/// Sums over the windows of an axis, weighted: `weights` has one for each pixel of a window.
template <class Scalar>
struct WeightedWindows {
  Scalar* sums;
  const Scalar* values;
  const Scalar* weights;
  WindowAxis axis;
  Index pixels;
  constexpr void operator()(Index pixel, Index pair) const {
    const Index position = axis.position(pixel);
    const Index element = pair * pixels + pixel;
    const Index line = element - position * axis.stride;
    const Index begin = position - diffarch::detail::reach_before(axis.width);
    Scalar sum(0);
    for (Index offset = 0; offset < axis.width; ++offset) {
      const Index there = axis.is_torus ? axis.wrapped(begin + offset) : begin + offset;
      if (there >= 0 && there < axis.size) sum += weights[offset] * values[line + there * axis.stride];
    }
    sums[element] = sum;
  }
};

/// The state of the posterior of one pixel after a part of the training images.
template <class Scalar>
struct PatchState {
  Scalar smallest;  ///< squared distance of the nearest patch
  bool adds;        ///< whether a patch of this tile has a weight
  double weight_sum;
  double rescaling;  ///< what sums of earlier tiles are to be multiplied by
};

template <class Scalar>
struct StartPatches {
  PatchState<Scalar>* states;  ///< (pixels, parts x queries)
  Index pixels;
  constexpr void operator()(Index pixel, Index column) const {
    states[column * pixels + pixel] = {std::numeric_limits<Scalar>::infinity(), false, 0.0, 0.0};
  }
};

/// Squared distances of patches become weights, relative to the nearest patch that this part has seen: for every pixel,
/// part and query. Part p has the images p, p + parts, ... of every tile. An image without a patch for the pixel is
/// infinitely far away.
template <class Scalar>
struct PatchWeights {
  PatchState<Scalar>* states;  ///< (pixels, parts x queries)
  Scalar* distances;           ///< (pixels, count x queries)
  ShiftedImages<Scalar> training;
  Index first, count, parts;
  double precision;
  constexpr void operator()(Index pixel, Index column) const {
    const Index pixels = training.shape.height * training.shape.width;
    const Division query = divide(column, parts);
    const Index part = query.remainder;
    PatchState<Scalar> state = states[column * pixels + pixel];
    Scalar* const own = distances + query.quotient * count * pixels + pixel;
    constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
    Scalar nearest = infinity;
    bool has_patches = false;
    for (Index image = part; image < count; image += parts) {
      Scalar& distance = own[image * pixels];
      if (!training.serves(first + image, pixel)) distance = infinity;
      has_patches = has_patches || distance != infinity;  // not a number, too, which is to stay visible
      if (distance < nearest) nearest = distance;
    }
    state.adds =
        has_patches && !diffarch::detail::is_negligible(static_cast<double>(nearest - state.smallest), precision);
    if (state.adds) {
      const Scalar before = state.smallest;
      if (nearest < before) state.smallest = nearest;
      state.rescaling = state.weight_sum == 0.0 ? 0.0
                                                : diffarch::detail::posterior_weight(
                                                      static_cast<double>(before - state.smallest), precision);
      double sum = 0.0;
      for (Index image = part; image < count; image += parts) {
        const Scalar weight =
            diffarch::detail::posterior_weight(own[image * pixels] - state.smallest, static_cast<Scalar>(precision));
        own[image * pixels] = weight;
        sum += static_cast<double>(weight);
      }
      state.weight_sum = state.rescaling * state.weight_sum + sum;
    }
    states[column * pixels + pixel] = state;
  }
};

/// Adds the weighted middles of the patches of a tile: for every value of an image, part and query.
template <class Scalar>
struct PatchSums {
  double* weighted_sums;             ///< (d, parts x queries)
  const PatchState<Scalar>* states;  ///< (pixels, parts x queries)
  const Scalar* weights;             ///< (pixels, count x queries)
  ShiftedImages<Scalar> training;
  Index first, count, parts;
  constexpr void operator()(Index row, Index column) const {
    const Index pixels = training.shape.height * training.shape.width;
    const Division pixel = divide(row, training.shape.channels);
    const Division query = divide(column, parts);
    const PatchState<Scalar>& state = states[column * pixels + pixel.quotient];
    if (!state.adds) return;
    const Scalar* const own = weights + query.quotient * count * pixels + pixel.quotient;
    double& total = weighted_sums[column * training.shape.size() + row];
    double sum = 0.0;
    for (Index image = query.remainder; image < count; image += parts) {
      const Scalar* const middle = training.at(first + image, pixel.quotient);
      if (middle == nullptr) continue;
      sum += static_cast<double>(own[image * pixels]) * static_cast<double>(middle[pixel.remainder]);
    }
    total = state.rescaling * total + sum;
  }
};

/// The mean over all parts.
template <class Scalar>
struct MergePatches {
  Scalar* x0_hat;                    ///< (d, queries)
  const double* weighted_sums;       ///< (d, parts x queries)
  const PatchState<Scalar>* states;  ///< (pixels, parts x queries)
  ImageShape shape;
  Index parts;
  double precision;
  constexpr void operator()(Index row, Index query) const {
    const Index pixels = shape.height * shape.width;
    const Index pixel = divide(row, shape.channels).quotient;
    Scalar nearest = std::numeric_limits<Scalar>::infinity();
    for (Index part = 0; part < parts; ++part) {
      const Scalar smallest = states[(query * parts + part) * pixels + pixel].smallest;
      if (smallest < nearest) nearest = smallest;
    }
    double weight_sum = 0.0;
    double weighted_sum = 0.0;
    for (Index part = 0; part < parts; ++part) {
      const PatchState<Scalar>& state = states[(query * parts + part) * pixels + pixel];
      if (state.weight_sum == 0.0) continue;  // a part without images
      const double weight =
          diffarch::detail::posterior_weight(static_cast<double>(state.smallest - nearest), precision);
      weight_sum += weight * state.weight_sum;
      weighted_sum += weight * weighted_sums[(query * parts + part) * shape.size() + row];
    }
    x0_hat[query * shape.size() + row] = static_cast<Scalar>(weighted_sum / weight_sum);
  }
};

}  // namespace diffarch::cuda::detail
