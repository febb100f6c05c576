#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "diffarch/denoiser/posterior/lane_differences.hpp"
#include "diffarch/denoiser/posterior/lane_weights.hpp"
#include "diffarch/denoiser/posterior/posterior_weight.hpp"

namespace diffarch::detail {

/// The posteriors of the pixels of an image over the patches that were added so far: weights relative to that of the
/// nearest patch, summed in double.
template <class Scalar>
class PixelPosteriors {
 public:
  /// Of no patches. precision: of the weights; infinity without noise.
  PixelPosteriors(Index pixels, Index channels, double precision)
      : precision_(precision),
        smallest_(Vector<Scalar>::Constant(pixels, std::numeric_limits<Scalar>::infinity())),
        reach_(smallest_),
        sums_(Matrix<double>::Zero(channels + 1, pixels)) {}

  /// Squared distances beyond which a patch is nothing beside the nearest one, (pixels).
  [[nodiscard]] const Vector<Scalar>& reach() const noexcept { return reach_; }

  /// Adds `image_lanes` patches at the squared distances `distances`, the least of which is `nearest`, to the posterior
  /// of a pixel. values: (image_lanes, channels) of the patches' middles.
  void add(Index pixel, const Scalar* distances, Scalar nearest, const Scalar* values) {
    if (nearest < smallest_(pixel)) move_to(pixel, nearest);
    ImageLanes<Scalar> weights;
    if (std::isinf(precision_))
      weights = (ConstImageLaneMap<Scalar>(distances) == smallest_(pixel)).template cast<Scalar>();
    else
      lane_weights(weights.data(), distances, smallest_(pixel), static_cast<Scalar>(precision_));
    double* sums = sums_.col(pixel).data();
    sums[0] += static_cast<double>(weights.sum());
    for (Index channel = 1; channel < sums_.rows(); ++channel, values += image_lanes)
      sums[channel] += static_cast<double>((weights * ConstImageLaneMap<Scalar>(values)).sum());
  }

  /// Adds what other posteriors of the same pixels were made of.
  void merge(const PixelPosteriors& other) {
    for (Index pixel = 0; pixel < smallest_.size(); ++pixel) {
      const Scalar theirs = other.smallest_(pixel);
      if (other.sums_(0, pixel) == 0.0) continue;
      if (theirs < smallest_(pixel)) move_to(pixel, theirs);
      const double add = posterior_weight(static_cast<double>(theirs - smallest_(pixel)), precision_);
      sums_.col(pixel) += add * other.sums_.col(pixel);
    }
  }

  /// Writes the posterior means: column (channels * pixels).
  template <class Column>
  void write_means(Column means) const {
    const Index channels = sums_.rows() - 1;
    for (Index pixel = 0; pixel < smallest_.size(); ++pixel)
      means.segment(pixel * channels, channels) =
          (sums_.col(pixel).tail(channels) / sums_(0, pixel)).template cast<Scalar>();
  }

 private:
  /// Takes weights relative to that of a patch at the squared distance `nearest`, which is less than all before.
  void move_to(Index pixel, Scalar nearest) {
    sums_.col(pixel) *=
        sums_(0, pixel) == 0.0 ? 0.0 : posterior_weight(static_cast<double>(smallest_(pixel) - nearest), precision_);
    smallest_(pixel) = nearest;
    reach_(pixel) = nearest + static_cast<Scalar>(negligible_exponent / precision_);
  }

  double precision_;
  Vector<Scalar> smallest_;  ///< squared distance of the nearest patch, (pixels)
  Vector<Scalar> reach_;     ///< patches beyond are negligible, (pixels)
  Matrix<double> sums_;      ///< of weights, and of weighted values of each channel, (1 + channels, pixels)
};

/// Returns the least of `image_lanes` numbers.
template <class Scalar>
[[nodiscard]] Scalar least_lane(const Scalar* numbers) {
  const ConstImageLaneMap<Scalar> all(numbers);
  const Eigen::Array<Scalar, 8, 1> eight = all.template head<8>().min(all.template tail<8>());
  const Eigen::Array<Scalar, 4, 1> four = eight.template head<4>().min(eight.template tail<4>());
  return std::min(std::min(four(0), four(1)), std::min(four(2), four(3)));
}

}  // namespace diffarch::detail
