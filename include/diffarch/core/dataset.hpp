#pragma once

#include <string>
#include <utility>

#include "diffarch/core/image_shape.hpp"

namespace diffarch {

/// A batch of images together with the shape of one image and the name it is reported under.
/// Converts to the plain batch, so it can be passed wherever samples are expected.
template <class Scalar_>
class Dataset {
 public:
  using Scalar = Scalar_;

  /// `samples` is (shape.size(), n), values in [-1, 1] for images.
  /// Throws DimensionMismatch when the number of rows is not shape.size(), and says so when the transpose would fit.
  Dataset(Batch<Scalar> samples, ImageShape shape, std::string name)
      : samples_(std::move(samples)), shape_(shape), name_(std::move(name)) {
    detail::require<DimensionMismatch>(
        samples_.rows() == shape_.size(), "Dataset '", name_, "': samples are ", detail::shape_text(samples_),
        " but an image of ", detail::shape_text(shape_), " has ", shape_.size(), " values",
        samples_.cols() == shape_.size() ? "; its transpose would fit: a sample is a column" : "");
  }

  /// The samples (d, n). A temporary data set gives them up.
  [[nodiscard]] const Batch<Scalar>& samples() const& noexcept { return samples_; }
  [[nodiscard]] Batch<Scalar> samples() && noexcept { return std::move(samples_); }
  [[nodiscard]] ImageShape shape() const noexcept { return shape_; }
  [[nodiscard]] const std::string& name() const& noexcept { return name_; }
  [[nodiscard]] std::string name() && noexcept { return std::move(name_); }
  [[nodiscard]] Index size() const noexcept { return samples_.cols(); }
  [[nodiscard]] Index dimension() const noexcept { return samples_.rows(); }

  // NOLINTBEGIN(google-explicit-constructor): a data set *is* a batch with a shape.
  operator const Batch<Scalar>&() const& noexcept { return samples_; }
  operator Batch<Scalar>&&() && noexcept { return std::move(samples_); }
  /// `const Batch<float>& b = load_images(...)` would refer to samples that no longer exist: keep the data set, or
  /// write `Batch<float> b = load_images(...)`.
  operator const Batch<Scalar>&() const&& = delete;
  // NOLINTEND(google-explicit-constructor)

 private:
  Batch<Scalar> samples_;
  ImageShape shape_;
  std::string name_;
};

}  // namespace diffarch
