#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "diffarch/analysis/jacobian.hpp"
#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/progress.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

/// The pixels of y on which one pixel of x0_hat depends: element (r, c) of `sensitivity` is the squared Frobenius norm
/// of the block d x0_hat(row, column) / d y(r, c), channels by channels, averaged over samples.
struct LocalityMap {
  Index row = 0;  ///< of the pixel of x0_hat
  Index column = 0;
  Matrix<double> sensitivity;  ///< (height, width)
};

/// How distances between pixels are measured: a plane with borders, or a torus, as networks with circular padding see
/// the image.
enum class PixelGeometry { plane, torus };

/// Rows and columns relative to the pixel, first <= 0 <= last as a rule.
struct PixelBox {
  Index first_row = 0;
  Index last_row = 0;
  Index first_column = 0;
  Index last_column = 0;
  friend constexpr bool operator==(const PixelBox&, const PixelBox&) = default;
};

namespace detail {

template <class Model>
[[nodiscard]] LocalityMap locality_map(const Model& model, const Batch<typename Model::Scalar>& y, NoiseLevel level,
                                       const ImageShape& shape, Index row, Index column,
                                       const ProgressCallback& callback) {
  using Scalar = typename Model::Scalar;
  require<DimensionMismatch>(model.dimension() == shape.size() && y.rows() == shape.size(),
                             "locality_map: the model has dimension ", model.dimension(), ", y is ", shape_text(y),
                             ", an image of ", shape_text(shape), " has ", shape.size(), " values");
  require(row >= 0 && row < shape.height && column >= 0 && column < shape.width, "locality_map: pixel (", row, ", ",
          column, ") of an image of ", shape_text(shape));
  require(y.cols() >= 1, "locality_map: no samples");
  std::vector<Index> rows(static_cast<std::size_t>(shape.channels));
  std::iota(rows.begin(), rows.end(), shape.index(row, column));
  LocalityMap map{row, column, Matrix<double>::Zero(shape.height, shape.width)};
  ProgressReporter progress(callback, "locality map", y.cols(), "samples");
  for (Index sample = 0; sample < y.cols(); ++sample) {
    const Matrix<double> j = jacobian_rows(model, Batch<Scalar>(y.col(sample)), level, rows);
    for (Index r = 0; r < shape.height; ++r)
      for (Index c = 0; c < shape.width; ++c)
        map.sensitivity(r, c) += j.middleCols(shape.index(r, c), shape.channels).squaredNorm();
    progress.advance();
  }
  map.sensitivity /= static_cast<double>(y.cols());
  return map;
}

}  // namespace detail

/// The locality map of pixel (row, column) of any denoiser, averaged over noisy images y (shape.size(), n), n >= 1.
/// From the rows of the Jacobian that belong to the pixel, by `jacobian_rows`: for a network one backward pass per
/// sample, exact, so that an element outside the receptive field is 0; by differences an element is wrong by the square
/// of their error. In the coordinates of `level`, see `jacobian_product`: a factor common to all elements.
/// Throws DimensionMismatch; InvalidArgument for a pixel outside the image or no samples; NumericalError.
template <Denoiser Model, SamplesOf<typename Model::Scalar> Y>
[[nodiscard]] LocalityMap locality_map(const Model& model, const Y& y, NoiseLevel level, const ImageShape& shape,
                                       Index row, Index column, const ProgressCallback& progress = {}) {
  return detail::locality_map(model, as_batch(y), level, shape, row, column, progress);
}

namespace detail {

/// The largest element of a map. Throws InvalidArgument unless elements are finite and not negative, one of them is
/// positive, and the pixel is among them.
[[nodiscard]] inline double largest_sensitivity(const char* function, const LocalityMap& map) {
  const Index height = map.sensitivity.rows();
  const Index width = map.sensitivity.cols();
  require(map.row >= 0 && map.row < height && map.column >= 0 && map.column < width, function, ": pixel (", map.row,
          ", ", map.column, ") of a map of ", height, " x ", width, " pixels");
  double largest = 0.0;
  for (Index c = 0; c < width; ++c)
    for (Index r = 0; r < height; ++r) {
      const double value = map.sensitivity(r, c);
      require(value >= 0.0 && std::isfinite(value), function, ": the map holds ", value, " at (", r, ", ", c,
              "); expected finite elements >= 0");
      largest = std::max(largest, value);
    }
  require(largest > 0.0, function, ": the map is zero, so the pixel depends on nothing");
  return largest;
}

/// First and last offset, relative to `origin`, of the places where `used` holds. On a torus the smallest arc that has
/// all of them and the origin, if they leave any gap; else all offsets from the first place of the axis to the last.
[[nodiscard]] inline std::pair<Index, Index> used_interval(const std::vector<bool>& used, Index origin,
                                                           PixelGeometry geometry) {
  const auto size = static_cast<Index>(used.size());
  const auto is_used = [&](Index place) { return used[static_cast<std::size_t>((place % size + size) % size)]; };
  if (geometry == PixelGeometry::plane) {
    Index first = 0;
    while (!is_used(first)) ++first;
    Index last = size - 1;
    while (!is_used(last)) --last;
    return {first - origin, last - origin};
  }
  // The largest gap between used places, from one of them to the next around the torus; the arc is all the rest.
  Index start = 0;
  while (!is_used(start)) ++start;
  Index gap_length = 0;
  Index gap_end = start;
  Index previous = start;
  for (Index place = start + 1; place <= start + size; ++place) {
    if (!is_used(place)) continue;
    if (place - previous - 1 > gap_length) {
      gap_length = place - previous - 1;
      gap_end = place;
    }
    previous = place;
  }
  if (gap_length == 0) return {-origin, size - 1 - origin};
  // Begin the arc at the offset of gap_end that puts the origin, if it is in the arc, at offset 0.
  const Index length = size - gap_length;
  Index first = ((gap_end - origin) % size + size) % size;  // in [0, size)
  if (first != 0 && first + length > size) first -= size;
  return {first, first + length - 1};
}

}  // namespace detail

/// The box of pixels that a map says to matter: those with more than `relative_threshold` times the largest element.
/// For exact Jacobians 0 gives the receptive field as it is, never wider than nn::receptive_field of the network and
/// narrower where ReLUs are off or the border cuts; for differences or closed forms, where no element is exactly 0,
/// choose e.g. 1e-6 (a sensitivity a thousandth of the largest). Throws InvalidArgument for another map, or a threshold
/// outside [0, 1).
[[nodiscard]] inline PixelBox observed_receptive_field(const LocalityMap& map, double relative_threshold = 0.0,
                                                       PixelGeometry geometry = PixelGeometry::plane) {
  const double largest = detail::largest_sensitivity("observed_receptive_field", map);
  detail::require(relative_threshold >= 0.0 && relative_threshold < 1.0, "observed_receptive_field: threshold ",
                  relative_threshold, "; expected 0 <= threshold < 1");
  const double cut = relative_threshold * largest;
  std::vector<bool> rows(static_cast<std::size_t>(map.sensitivity.rows()), false);
  std::vector<bool> columns(static_cast<std::size_t>(map.sensitivity.cols()), false);
  for (Index c = 0; c < map.sensitivity.cols(); ++c)
    for (Index r = 0; r < map.sensitivity.rows(); ++r)
      if (map.sensitivity(r, c) > cut) rows[static_cast<std::size_t>(r)] = columns[static_cast<std::size_t>(c)] = true;
  const auto [first_row, last_row] = detail::used_interval(rows, map.row, geometry);
  const auto [first_column, last_column] = detail::used_interval(columns, map.column, geometry);
  return {first_row, last_row, first_column, last_column};
}

/// The smallest r >= 0 such that the square window of (2 r + 1)^2 pixels about the pixel (cut at the borders of a
/// plane) has at least `fraction` of the sum of the map: a patch of that side explains as much of the sensitivity.
/// Throws InvalidArgument for another map, or a fraction outside (0, 1].
[[nodiscard]] inline Index locality_radius(const LocalityMap& map, double fraction = 0.95,
                                           PixelGeometry geometry = PixelGeometry::plane) {
  static_cast<void>(detail::largest_sensitivity("locality_radius", map));
  detail::require(fraction > 0.0 && fraction <= 1.0, "locality_radius: fraction = ", fraction,
                  ", expected 0 < fraction <= 1");
  const auto distance = [&](Index offset, Index size) {
    const Index along = std::abs(offset);
    return geometry == PixelGeometry::torus ? std::min(along, size - along) : along;
  };
  const Index height = map.sensitivity.rows();
  const Index width = map.sensitivity.cols();
  std::vector<double> rings(static_cast<std::size_t>(std::max(height, width)), 0.0);  // by distance
  for (Index c = 0; c < width; ++c)
    for (Index r = 0; r < height; ++r)
      rings[static_cast<std::size_t>(std::max(distance(r - map.row, height), distance(c - map.column, width)))] +=
          map.sensitivity(r, c);
  const double total = std::accumulate(rings.begin(), rings.end(), 0.0);
  double inside = 0.0;  // in the order of the total, so that a fraction of 1 is met to the last bit
  for (std::size_t radius = 0; radius < rings.size(); ++radius) {
    inside += rings[radius];
    if (inside >= fraction * total) return static_cast<Index>(radius);
  }
  return static_cast<Index>(rings.size()) - 1;
}

}  // namespace diffarch
