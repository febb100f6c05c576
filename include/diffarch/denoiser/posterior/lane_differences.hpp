#pragma once

#include <cstddef>
#include <utility>

#include "diffarch/core/batch.hpp"

namespace diffarch::detail {

/// Training images side by side in vector registers. Of a tile of so many images, each value of a pixel is
/// `image_lanes` contiguous numbers.
inline constexpr Index image_lanes = 16;

template <class Scalar>
using ImageLanes = Eigen::Array<Scalar, image_lanes, 1>;
template <class Scalar>
using ImageLaneMap = Eigen::Map<ImageLanes<Scalar>>;
template <class Scalar>
using ConstImageLaneMap = Eigen::Map<const ImageLanes<Scalar>>;

/// Squared differences between pixels of a noisy image and of a tile of training images,
///   sums[pixel] = sum over channels of (ours - signal theirs)^2,
/// `image_lanes` numbers for each of `count` pixels that follow each other; without |ours|^2 when `leaves_out_ours`.
/// ours: (channels, count); theirs: (image_lanes, channels, count). The number of channels is known to the compiler.
template <class Scalar, bool leaves_out_ours, std::size_t... channel>
void lane_differences(Scalar* sums, const Scalar* ours, const Scalar* theirs, Index count, Scalar signal,
                      std::index_sequence<channel...> /*channels*/) {
  constexpr auto channels = static_cast<Index>(sizeof...(channel));
  for (Index pixel = 0; pixel < count; ++pixel, ours += channels, theirs += channels * image_lanes) {
    const auto difference = [&](std::size_t number) {
      const auto scaled = signal * ConstImageLaneMap<Scalar>(theirs + static_cast<Index>(number) * image_lanes);
      if constexpr (leaves_out_ours)
        return scaled * (scaled - (ours[number] + ours[number]));
      else
        return (ours[number] - scaled).square();
    };
    ImageLaneMap<Scalar>(sums + pixel * image_lanes) = (difference(channel) + ...);
  }
}

/// Overload for any number of channels.
template <class Scalar, bool leaves_out_ours>
void lane_differences(Scalar* sums, const Scalar* ours, const Scalar* theirs, Index count, Scalar signal,
                      Index channels) {
  if (channels == 1)
    return lane_differences<Scalar, leaves_out_ours>(sums, ours, theirs, count, signal, std::make_index_sequence<1>{});
  if (channels == 3)
    return lane_differences<Scalar, leaves_out_ours>(sums, ours, theirs, count, signal, std::make_index_sequence<3>{});
  ImageLanes<Scalar> one;
  for (Index pixel = 0; pixel < count; ++pixel) {
    ImageLaneMap<Scalar> sum(sums + pixel * image_lanes);
    sum.setZero();
    for (Index channel = pixel * channels; channel < (pixel + 1) * channels; ++channel) {
      lane_differences<Scalar, leaves_out_ours>(one.data(), ours + channel, theirs + channel * image_lanes, 1, signal,
                                                std::make_index_sequence<1>{});
      sum += one;
    }
  }
}

}  // namespace diffarch::detail
