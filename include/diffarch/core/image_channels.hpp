#pragma once

#include <string>
#include <utility>

#include "diffarch/core/dataset.hpp"

// Gray, RGB and alpha.

namespace diffarch {

/// Converts images to 1 channel (gray) or 3 (RGB). The images have 1 channel (gray), 2 (gray and alpha), 3 (RGB) or 4
/// (RGB and alpha). Alpha is dropped: the colour of a transparent pixel is the one that the image has there. Gray is
/// (77 R + 150 G + 29 B) / 256, as PNG and JPEG files are converted; RGB of a gray image has three equal channels.
/// Throws InvalidArgument for other numbers of channels.
template <class Scalar>
[[nodiscard]] Dataset<Scalar> convert_channels(const Dataset<Scalar>& images, Index channels) {
  const ImageShape& from = images.shape();
  detail::require(channels == 1 || channels == 3, "convert_channels: channels = ", channels, ", expected 1 or 3");
  detail::require(from.channels >= 1 && from.channels <= 4, "convert_channels: data set '", images.name(), "' has ",
                  from.channels, " channels; expected 1 (gray), 2 (gray and alpha), 3 (RGB) or 4 (RGB and alpha)");
  if (channels == from.channels) return images;
  const ImageShape to{from.height, from.width, channels};
  Batch<Scalar> converted(to.size(), images.size());
  const Scalar* source = images.samples().data();
  Scalar* target = converted.data();
  for (Index pixel = 0; pixel < images.size() * from.height * from.width; ++pixel, source += from.channels)
    for (Index channel = 0; channel < channels; ++channel) {
      const bool gray = from.channels <= 2;
      *target++ = gray ? source[0]
                  : channels == 3
                      ? source[channel]
                      : (Scalar(77) * source[0] + Scalar(150) * source[1] + Scalar(29) * source[2]) / Scalar(256);
    }
  return Dataset<Scalar>(std::move(converted), to, images.name());
}

}  // namespace diffarch
