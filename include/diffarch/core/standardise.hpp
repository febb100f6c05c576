#pragma once

#include <cmath>
#include <utility>

#include "diffarch/core/dataset.hpp"

// Data of mean 0 and variance 1, and the way back.

namespace diffarch {

/// x -> (x - mean) / deviation, with a mean and a deviation for each channel of an image, and its inverse.
template <class Scalar_>
class Standardisation {
 public:
  using Scalar = Scalar_;

  /// `mean` and `deviation` have one number for each channel of `shape`; every deviation is positive.
  /// Throws DimensionMismatch for other lengths, InvalidArgument for a deviation that is not positive.
  Standardisation(ImageShape shape, Vector<Scalar> mean, Vector<Scalar> deviation)
      : shape_(shape), mean_(std::move(mean)), deviation_(std::move(deviation)) {
    detail::require<DimensionMismatch>(mean_.size() == shape.channels && deviation_.size() == shape.channels,
                                       "Standardisation: ", mean_.size(), " means and ", deviation_.size(),
                                       " deviations; expected one for each of ", shape.channels, " channels");
    for (Index channel = 0; channel < shape.channels; ++channel)
      detail::require(deviation_.data()[channel] > Scalar(0), "Standardisation: deviation of channel ", channel, " is ",
                      deviation_.data()[channel], "; expected a positive number");
  }

  [[nodiscard]] const ImageShape& shape() const noexcept { return shape_; }
  [[nodiscard]] const Vector<Scalar>& mean() const noexcept { return mean_; }
  [[nodiscard]] const Vector<Scalar>& deviation() const noexcept { return deviation_; }

  /// (x - mean) / deviation of samples (shape.size(), n). Throws DimensionMismatch for other rows.
  [[nodiscard]] Batch<Scalar> apply(Batch<Scalar> samples) const {
    return mapped(std::move(samples), [](Scalar x, Scalar mean, Scalar deviation) { return (x - mean) / deviation; });
  }

  /// mean + deviation * x of samples (shape.size(), n), such as those of a model that was fitted to standardised data.
  /// Throws DimensionMismatch for other rows.
  [[nodiscard]] Batch<Scalar> undo(Batch<Scalar> samples) const {
    return mapped(std::move(samples), [](Scalar x, Scalar mean, Scalar deviation) { return mean + deviation * x; });
  }

 private:
  template <class Map>
  [[nodiscard]] Batch<Scalar> mapped(Batch<Scalar> samples, const Map& map) const {
    detail::require<DimensionMismatch>(samples.rows() == shape_.size(), "Standardisation: samples are ",
                                       detail::shape_text(samples), " but an image of ", detail::shape_text(shape_),
                                       " has ", shape_.size(), " values");
    Scalar* values = samples.data();
    for (Index i = 0; i < samples.size(); ++i) {
      const Index channel = i % shape_.channels;
      values[i] = map(values[i], mean_.data()[channel], deviation_.data()[channel]);
    }
    return samples;
  }

  ImageShape shape_;
  Vector<Scalar> mean_;
  Vector<Scalar> deviation_;
};

/// A data set of mean 0 and variance 1 in each channel, and the map that made it.
template <class Scalar>
struct Standardised {
  Dataset<Scalar> data;
  Standardisation<Scalar> standardisation;
};

/// Standardises a data set: each channel has mean 0 and variance 1 over all images and places. A constant channel keeps
/// deviation 1, and becomes 0. For points, of shape 1 x 1 x d, each coordinate is a channel. Two passes over the data.
/// Throws InvalidArgument for an empty data set.
template <class Scalar>
[[nodiscard]] Standardised<Scalar> standardise(const Dataset<Scalar>& data) {
  const Index channels = data.shape().channels;
  const Batch<Scalar>& samples = data.samples();
  detail::require(samples.size() > 0, "standardise: data set '", data.name(), "' is empty");
  const double count = static_cast<double>(samples.size() / channels);
  Vector<double> mean = Vector<double>::Zero(channels);
  Vector<double> variance = Vector<double>::Zero(channels);
  for (Index i = 0; i < samples.size(); ++i)
    mean.data()[i % channels] += static_cast<double>(samples.data()[i]) / count;
  for (Index i = 0; i < samples.size(); ++i) {
    const double distance = static_cast<double>(samples.data()[i]) - mean.data()[i % channels];
    variance.data()[i % channels] += distance * distance / count;
  }
  Vector<Scalar> stored_mean(channels);
  Vector<Scalar> deviation(channels);
  for (Index channel = 0; channel < channels; ++channel) {
    stored_mean.data()[channel] = static_cast<Scalar>(mean.data()[channel]);
    // The mean of equal numbers is theirs up to rounding: a deviation below it is none.
    const double rounding = 1e-12 * std::abs(mean.data()[channel]);
    const double found = std::sqrt(variance.data()[channel]);
    deviation.data()[channel] = static_cast<Scalar>(found > rounding ? found : 1.0);
  }
  Standardisation<Scalar> map(data.shape(), std::move(stored_mean), std::move(deviation));
  Batch<Scalar> standardised = map.apply(samples);
  return {Dataset<Scalar>(std::move(standardised), data.shape(), data.name()), std::move(map)};
}

}  // namespace diffarch
