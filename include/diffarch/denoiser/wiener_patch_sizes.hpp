#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/noise_levels.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/solver/symmetric_eigen.hpp"

namespace diffarch {

namespace detail {

/// Autocovariance of images (d, n) with shifts of at most `reach` pixels along both axes, (2 reach + 1, 2 reach + 1),
/// no shift in the middle: products of deviations from the mean of their channel, summed over the places where both
/// pixels lie inside the image, over the images and channels, divided by the number of all values. (Such sums over
/// fewer places for longer shifts are a positive semidefinite function; means over these places are not.) Cost
/// O(n d reach^2).
template <class Scalar>
[[nodiscard]] Matrix<double> autocovariance(const Batch<Scalar>& data, const ImageShape& shape, Index reach) {
  const Index pixels = shape.height * shape.width;
  Vector<double> mean = Vector<double>::Zero(shape.channels);
  for (Index pixel = 0; pixel < pixels; ++pixel)
    mean += data.middleRows(pixel * shape.channels, shape.channels).template cast<double>().rowwise().sum();
  mean /= static_cast<double>(pixels * data.cols());
  Matrix<double> centred(data.rows(), data.cols());
  for (Index pixel = 0; pixel < pixels; ++pixel)
    centred.middleRows(pixel * shape.channels, shape.channels) =
        data.middleRows(pixel * shape.channels, shape.channels).template cast<double>().colwise() - mean;

  const Index width = 2 * reach + 1;
  Matrix<double> result(width, width);
  parallel_for((reach + 1) * width, 2 * data.size(), [&](Index shift) {
    const Index down = shift / width;
    const Index right = shift % width - reach;
    const Index columns = std::max<Index>(0, shape.width - std::abs(right));
    double sum = 0.0;
    for (Index row = 0; row + down < shape.height; ++row) {
      const Index here = shape.index(row, std::max<Index>(0, -right));
      const Index there = shape.index(row + down, std::max<Index>(0, right));
      sum += centred.middleRows(here, columns * shape.channels)
                 .cwiseProduct(centred.middleRows(there, columns * shape.channels))
                 .sum();
    }
    result(reach + down, reach + right) = sum / static_cast<double>(data.size());
    result(reach - down, reach - right) = result(reach + down, reach + right);
  });
  return result;
}

/// Signal-to-noise ratio that the best linear filter of size x size noisy pixels, `size` odd, reaches in predicting
/// the middle one: its variance over the filter's mean squared error, less 1, divided by (signal / noise)^2, with
/// which the ratio vanishes in much noise. One for every step of `levels`; for an autocovariance that reaches size - 1
/// pixels or further.
template <class Real>
[[nodiscard]] Vector<Real> wiener_ratios(const Matrix<Real>& autocovariance, Index size, const NoiseLevels& levels) {
  const Index middle = (autocovariance.rows() - 1) / 2;
  const Index pixels = size * size;
  Matrix<Real> covariance(pixels, pixels);
  Vector<Real> with_middle(pixels);
  for (Index a = 0; a < pixels; ++a) {
    with_middle(a) = autocovariance(middle + a / size - size / 2, middle + a % size - size / 2);
    for (Index b = 0; b < pixels; ++b)
      covariance(a, b) = autocovariance(middle + a / size - b / size, middle + a % size - b % size);
  }
  Matrix<Real> modes;
  const Vector<Real> variances = symmetric_eigenvalues<Real>(std::move(covariance), "wiener_patch_sizes", &modes);
  const Vector<Real> powers = (modes.transpose() * with_middle).cwiseAbs2();
  Vector<Real> ratios(levels.steps());
  for (Index step = 0; step < levels.steps(); ++step) {
    const Real signal = levels[step].signal * levels[step].signal;
    const Real noise = levels[step].noise * levels[step].noise;
    const Vector<Real> noisy = signal * variances.cwiseMax(0.0).array() + noise;
    const Real explained = powers.cwiseQuotient(noisy).sum();  // times signal
    ratios(step) = noise * explained / (autocovariance(middle, middle) - signal * explained);
  }
  return ratios;
}

}  // namespace detail

/// Window widths of a patch posterior from the data alone, one for each step of `levels`: the smallest odd window in
/// which the best linear filter reaches `share` of the signal-to-noise ratio, variance over mean squared error less 1,
/// that it reaches in the largest window. The autocovariance of the images, pooled over places and channels, decides.
/// Networks use windows of about these widths: beside four of the lists that Kamb and Ganguli (2024) calibrated on
/// trained networks they stand on the page of results. data: (d, n) images of `shape`, n >= 1. largest: odd, at most
/// the shorter side; 0: 31 or the shorter side where that is less. Cost O(n d largest^2 + largest^6). Throws
/// DimensionMismatch; InvalidArgument for a share outside (0, 1], a largest window that cannot be, or data that do not
/// vary.
template <class Scalar>
[[nodiscard]] std::vector<Index> wiener_patch_sizes(const Batch<Scalar>& data, const ImageShape& shape,
                                                    const NoiseLevels& levels, double share = 0.95, Index largest = 0) {
  detail::require<DimensionMismatch>(data.rows() == shape.size(), "wiener_patch_sizes: the data are ",
                                     detail::shape_text(data), ", but an image of ", detail::shape_text(shape), " has ",
                                     shape.size(), " values");
  detail::require(data.cols() >= 1, "wiener_patch_sizes: no images, expected at least one");
  detail::require(share > 0.0 && share <= 1.0, "wiener_patch_sizes: share = ", share, ", expected in (0, 1]");
  const Index side = std::min(shape.height, shape.width);
  if (largest == 0) largest = std::min<Index>(31, side % 2 == 1 ? side : side - 1);
  detail::require(largest >= 1 && largest % 2 == 1 && largest <= side, "wiener_patch_sizes: largest = ", largest,
                  ", expected an odd number in [1, ", side, "]");

  const Matrix<double> autocovariance = detail::autocovariance(data, shape, largest - 1);
  const double variance = autocovariance(largest - 1, largest - 1);
  detail::require(variance > 0.0, "wiener_patch_sizes: the images have variance ", variance, ", expected more than 0");
  std::vector<Index> sizes;
  std::vector<Vector<double>> ratios;
  for (Index size = 1; size <= largest; size += 2) {
    sizes.push_back(size);
    ratios.push_back(detail::wiener_ratios(autocovariance, size, levels));
  }
  std::vector<Index> result;
  for (Index step = 0; step < levels.steps(); ++step) {
    std::size_t at = 0;
    while (ratios[at](step) < share * ratios.back()(step)) ++at;
    result.push_back(sizes[at]);
  }
  return result;
}

}  // namespace diffarch
