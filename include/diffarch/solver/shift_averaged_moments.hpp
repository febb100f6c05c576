#pragma once

#include "diffarch/core/image_shape.hpp"
#include "diffarch/solver/gaussian_moments.hpp"

namespace diffarch {

/// Mean and covariance of images (d, n) of `shape` and of all that circular shifts by multiples of `period` pixels, up
/// and down and to the sides, make of them. The linear denoiser of these moments is the best one that commutes with
/// such shifts, as a U-Net with circular padding does with shifts by 2^pools: with the period 1 a Wiener filter. Throws
/// DimensionMismatch unless the data are such images, InvalidArgument without data or unless the period divides height
/// and width. Cost O(n d^2), memory O(d^2).
template <class Scalar>
[[nodiscard]] GaussianMoments<Scalar> shift_averaged_moments(const Batch<Scalar>& data, const ImageShape& shape,
                                                             Index period = 1) {
  detail::require<DimensionMismatch>(data.rows() == shape.size(), "shift_averaged_moments: the data are ",
                                     detail::shape_text(data), ", but an image of ", detail::shape_text(shape), " has ",
                                     shape.size(), " values");
  detail::require(data.cols() >= 1, "shift_averaged_moments: no samples, expected at least one");
  detail::require(period >= 1 && shape.height % period == 0 && shape.width % period == 0,
                  "shift_averaged_moments: a period of ", period, " pixels for images of ", detail::shape_text(shape),
                  "; expected one that divides height and width");
  const Matrix<double> values = data.template cast<double>();
  const double samples = static_cast<double>(data.cols());
  const Matrix<double> second = values * values.transpose() / samples;
  const Vector<double> mean = values.rowwise().mean();

  const Index down = shape.height / period;
  const Index right = shape.width / period;
  const auto share = 1.0 / static_cast<double>(down * right);
  const auto shifted = [&](Index value, Index by_rows, Index by_columns) {
    const Index channel = value % shape.channels;
    const Index column = value / shape.channels % shape.width;
    const Index row = value / (shape.channels * shape.width);
    return shape.index((row + by_rows * period) % shape.height, (column + by_columns * period) % shape.width, channel);
  };
  const auto for_each_shift = [&](const auto& work) {
    for (Index by_rows = 0; by_rows < down; ++by_rows)
      for (Index by_columns = 0; by_columns < right; ++by_columns)
        work([&, by_rows, by_columns](Index value) { return shifted(value, by_rows, by_columns); });
  };
  const Index d = shape.size();
  Vector<double> averaged_mean(d);
  Matrix<double> covariance(d, d);
  // Values in the first period of both axes; all others are shifts of them.
  for (Index value = 0; value < d; ++value) {
    const Index pixel = value / shape.channels;
    if (pixel / shape.width >= period || pixel % shape.width >= period) continue;
    double sum = 0.0;
    for_each_shift([&](const auto& shift) { sum += mean(shift(value)); });
    for_each_shift([&](const auto& shift) { averaged_mean(shift(value)) = share * sum; });
    for (Index other = 0; other < d; ++other) {
      double product = 0.0;
      for_each_shift([&](const auto& shift) { product += second(shift(value), shift(other)); });
      for_each_shift([&](const auto& shift) { covariance(shift(value), shift(other)) = share * product; });
    }
  }
  covariance -= averaged_mean * averaged_mean.transpose();
  return GaussianMoments<Scalar>(averaged_mean.template cast<Scalar>(),
                                 (0.5 * (covariance + covariance.transpose())).template cast<Scalar>());
}

}  // namespace diffarch
