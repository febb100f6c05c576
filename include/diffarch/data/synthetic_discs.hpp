#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <numbers>
#include <utility>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random.hpp"

// Images that need no files: random discs, whose mean and covariance are known exactly.

namespace diffarch {

/// The disc of `synthetic_discs` and its two values, the same in every channel.
struct DiscOptions {
  double radius = 6.0;       ///< pixels, 0 < 2 radius <= the shorter side, so that a disc never overlaps itself
  double foreground = 1.0;   ///< value of the pixels whose centre is in the disc
  double background = -1.0;  ///< value of the others
};

namespace detail {

inline void check_discs(const ImageShape& shape, const DiscOptions& options) {
  require(shape.height >= 1 && shape.width >= 1 && shape.channels >= 1, "synthetic_discs: shape ", shape_text(shape),
          "; expected height, width, channels >= 1");
  require(options.radius > 0.0 && 2.0 * options.radius <= static_cast<double>(std::min(shape.height, shape.width)),
          "DiscOptions: radius = ", options.radius, "; expected 0 < 2 radius <= the shorter side of ",
          shape_text(shape));
  require(std::isfinite(options.foreground) && std::isfinite(options.background),
          "DiscOptions: foreground = ", options.foreground, ", background = ", options.background,
          "; expected finite values");
}

/// Area of the intersection of two discs of the same radius whose centres are `distance` apart.
[[nodiscard]] inline double lens_area(double radius, double distance) {
  if (distance >= 2.0 * radius) return 0.0;
  return 2.0 * radius * radius * std::acos(distance / (2.0 * radius)) -
         0.5 * distance * std::sqrt(4.0 * radius * radius - distance * distance);
}

/// Probability that one given pixel centre is in the disc.
[[nodiscard]] inline double disc_probability(const ImageShape& shape, const DiscOptions& options) {
  return std::numbers::pi * options.radius * options.radius / static_cast<double>(shape.height * shape.width);
}

}  // namespace detail

/// n images of one disc whose centre is uniform on the torus (a disc that leaves at one side comes in at the other), so
/// that the distribution is invariant under cyclic shifts. No anti-aliasing: a pixel is foreground exactly when its
/// centre is in the disc, and the statistics below are exact. Sample i depends on the seed and i only.
/// Throws InvalidArgument for n < 0 or options out of range.
template <std::floating_point Scalar = float>
[[nodiscard]] Dataset<Scalar> synthetic_discs(Index n, const ImageShape& shape, Seed seed,
                                              const DiscOptions& options = {}) {
  detail::require(n >= 0, "synthetic_discs: n = ", n, "; expected n >= 0");
  detail::check_discs(shape, options);
  const CounterRandom random(seed, streams::data);
  detail::require_memory<Scalar>(shape.size(), n, "synthetic images");
  Batch<Scalar> samples(shape.size(), n);
  const auto wrapped = [](double offset, Index length) { return std::remainder(offset, static_cast<double>(length)); };
  parallel_for(n, 16 * shape.size(), [&](Index sample) {
    const double centre_row = random.uniform(sample, 0) * static_cast<double>(shape.height);
    const double centre_column = random.uniform(sample, 1) * static_cast<double>(shape.width);
    for (Index row = 0; row < shape.height; ++row)
      for (Index column = 0; column < shape.width; ++column) {
        const double dy = wrapped(static_cast<double>(row) - centre_row, shape.height);
        const double dx = wrapped(static_cast<double>(column) - centre_column, shape.width);
        const bool inside = dx * dx + dy * dy <= options.radius * options.radius;
        for (Index channel = 0; channel < shape.channels; ++channel)
          samples(shape.index(row, column, channel), sample) =
              static_cast<Scalar>(inside ? options.foreground : options.background);
      }
  });
  return Dataset<Scalar>(std::move(samples), shape, "synthetic discs");
}

/// Exact expectation of every pixel of synthetic_discs: background + (foreground - background) pi r^2 / (h w).
[[nodiscard]] inline double disc_mean(const ImageShape& shape, const DiscOptions& options = {}) {
  detail::check_discs(shape, options);
  return options.background + (options.foreground - options.background) * detail::disc_probability(shape, options);
}

/// Exact covariance of two pixels of synthetic_discs that are `row_offset` rows and `column_offset` columns apart (any
/// integers; the image is a torus), the same for every pair of channels:
/// (foreground - background)^2 (A / (h w) - p^2), where p = pi r^2 / (h w) and A is the area of the centres that cover
/// both pixels, the sum of the lenses of a disc at the one and the periodic images of a disc at the other.
[[nodiscard]] inline double disc_covariance(const ImageShape& shape, Index row_offset, Index column_offset,
                                            const DiscOptions& options = {}) {
  detail::check_discs(shape, options);
  const double contrast = options.foreground - options.background;
  const double p = detail::disc_probability(shape, options);
  double area = 0.0;
  // Offsets within half a period: images further than one period away are out of reach of discs this small.
  const Index rows = row_offset % shape.height;
  const Index columns = column_offset % shape.width;
  for (Index i = -1; i <= 1; ++i)
    for (Index j = -1; j <= 1; ++j)
      area += detail::lens_area(options.radius, std::hypot(static_cast<double>(rows + i * shape.height),
                                                           static_cast<double>(columns + j * shape.width)));
  return contrast * contrast * (area / static_cast<double>(shape.height * shape.width) - p * p);
}

/// Exact variance of every pixel of synthetic_discs: (foreground - background)^2 p (1 - p), p = pi r^2 / (h w).
[[nodiscard]] inline double disc_variance(const ImageShape& shape, const DiscOptions& options = {}) {
  detail::check_discs(shape, options);
  const double contrast = options.foreground - options.background;
  const double p = detail::disc_probability(shape, options);
  return contrast * contrast * p * (1.0 - p);
}

}  // namespace diffarch
