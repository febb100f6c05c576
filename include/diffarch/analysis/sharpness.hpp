#pragma once

#include <cmath>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

namespace detail {

template <class Scalar>
[[nodiscard]] Vector<double> sharpness(const Batch<Scalar>& images, const ImageShape& shape) {
  require<DimensionMismatch>(images.rows() == shape.size(), "sharpness: images are ", shape_text(images),
                             " but an image of ", shape_text(shape), " has ", shape.size(), " values");
  require(shape.height >= 3 && shape.width >= 3, "sharpness: images of ", shape_text(shape),
          "; expected at least 3 x 3 pixels");
  for (Index image = 0; image < images.cols(); ++image)
    require(images.col(image).allFinite(), "sharpness: image ", image, " is not finite");
  Vector<double> result(images.cols());
  for (Index image = 0; image < images.cols(); ++image) {
    const auto value = [&](Index row, Index column, Index channel) {
      return static_cast<double>(images(shape.index(row, column, channel), image));
    };
    double sum = 0.0;
    for (Index row = 1; row + 1 < shape.height; ++row)
      for (Index column = 1; column + 1 < shape.width; ++column)
        for (Index channel = 0; channel < shape.channels; ++channel) {
          const double laplacian = value(row - 1, column, channel) + value(row + 1, column, channel) +
                                   value(row, column - 1, channel) + value(row, column + 1, channel) -
                                   4.0 * value(row, column, channel);
          sum += laplacian * laplacian;
        }
    result(image) = std::sqrt(sum / static_cast<double>((shape.height - 2) * (shape.width - 2) * shape.channels));
  }
  return result;
}

}  // namespace detail

/// How sharp each image of a batch (shape.size(), n) is: the root mean square of the five-point Laplacian over inner
/// pixels and channels, in units of the pixel values. Blur lowers it, noise raises it: compare with that of the data.
/// Throws DimensionMismatch; InvalidArgument for images smaller than 3 x 3, or naming one that is not finite.
template <Samples Images>
[[nodiscard]] Vector<double> sharpness(const Images& images, const ImageShape& shape) {
  return detail::sharpness(as_batch(images), shape);
}

}  // namespace diffarch
