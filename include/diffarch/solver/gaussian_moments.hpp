#pragma once

#include <utility>

#include "diffarch/core/batch.hpp"

namespace diffarch {

/// First two moments of a distribution: all that a linear denoiser can know of its data (paper, Theorem 3).
/// Fitting to moments instead of samples makes that visible in the types.
template <class Scalar_>
class GaussianMoments {
 public:
  using Scalar = Scalar_;

  /// mean is (d), covariance (d, d), symmetric to rounding. Throws DimensionMismatch or InvalidArgument otherwise.
  GaussianMoments(Vector<Scalar> mean, Matrix<Scalar> covariance)
      : mean_(std::move(mean)), covariance_(std::move(covariance)) {
    detail::require<DimensionMismatch>(covariance_.rows() == mean_.size() && covariance_.cols() == mean_.size(),
                                       "GaussianMoments: the mean has dimension ", mean_.size(),
                                       " but the covariance is ", detail::shape_text(covariance_));
    detail::require(mean_.size() >= 1 && mean_.allFinite() && covariance_.allFinite(),
                    "GaussianMoments: expected finite moments of at least one dimension");
    const Scalar tolerance = Scalar(64) * Eigen::NumTraits<Scalar>::epsilon() * covariance_.cwiseAbs().maxCoeff();
    detail::require((covariance_ - covariance_.transpose()).cwiseAbs().maxCoeff() <= tolerance,
                    "GaussianMoments: the covariance is not symmetric");
  }

  [[nodiscard]] const Vector<Scalar>& mean() const noexcept { return mean_; }
  [[nodiscard]] const Matrix<Scalar>& covariance() const noexcept { return covariance_; }

 private:
  Vector<Scalar> mean_;
  Matrix<Scalar> covariance_;
};

}  // namespace diffarch
