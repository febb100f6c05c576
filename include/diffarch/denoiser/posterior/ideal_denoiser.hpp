#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "diffarch/core/fitter.hpp"
#include "diffarch/denoiser/posterior/posterior_weights.hpp"
#include "diffarch/denoiser/posterior/training_softmax.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

/// Model of `Ideal` on a backend: the host's is here, that of `Cuda` in cuda/denoiser/ideal_denoiser.hpp.
template <class Scalar, class BackendType = Cpu>
class IdealDenoiser;

/// Model of `Ideal`: a softmax over the training set, streamed over it in one pass (Milakov and Gimelshein 2018).
/// Training samples are taken in fixed tiles and the noisy ones in blocks, so memory beyond the training set is
/// O(tile x block + d x block) whatever n and the batch, and column j of the result is bitwise a function of column j
/// of y: of no block, batch or number of threads. Cost: two products of 2 d n flops per sample.
template <class Scalar_>
class IdealDenoiser<Scalar_, Cpu> {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;

  /// Keeps a copy of the training samples (d, n), unless they are given up (std::move).
  explicit IdealDenoiser(Batch<Scalar> data) : data_(std::move(data)), softmax_(data_) {}

  /// Training samples that are not equally probable before y is seen: `log_prior` (n) is the logarithm of their
  /// probabilities, up to a constant. Weights are then multiplied by these. Throws DimensionMismatch, and
  /// InvalidArgument for a value that is not finite.
  IdealDenoiser(Batch<Scalar> data, Vector<double> log_prior)
      : data_(std::move(data)), softmax_(data_, checked_prior(std::move(log_prior), data_.cols())) {}

  [[nodiscard]] Index dimension() const noexcept { return data_.rows(); }
  /// The training samples (d, n).
  [[nodiscard]] const Batch<Scalar>& data() const noexcept { return data_; }
  /// Logarithms of their probabilities before y is seen, the largest of which is 0, (n); empty where all are equal.
  [[nodiscard]] const Vector<double>& log_prior() const noexcept { return softmax_.log_prior(); }

  /// x0_hat (d, n) of y (d, n); without noise, the nearest training sample, or the mean of equally near ones. Throws
  /// DimensionMismatch when y does not have d rows.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    detail::require_dimension(y, dimension());
    Batch<Scalar> x0_hat(y.rows(), y.cols());
    for (Index first = 0; first < y.cols(); first += query_block) {
      const Index count = std::min(query_block, y.cols() - first);
      x0_hat.middleCols(first, count) = denoise_block(y.middleCols(first, count), level);
    }
    return x0_hat;
  }

  /// The weights (n, m) of the training samples given y (d, m), by which the prediction is data() * weights: see the
  /// function `diffarch::posterior_weights`. Throws DimensionMismatch, OutOfMemory.
  [[nodiscard]] Matrix<Scalar> posterior_weights(const Batch<Scalar>& y, NoiseLevel level) const {
    return detail::posterior_weights(softmax_, data_, y, level);
  }

 private:
  static constexpr Index tile = 1024;
  static constexpr Index query_block = 512;

  [[nodiscard]] static Vector<double> checked_prior(Vector<double> log_prior, Index samples) {
    detail::require<DimensionMismatch>(log_prior.size() == samples, "Ideal: ", log_prior.size(),
                                       " prior probabilities for ", samples, " training samples");
    for (Index i = 0; i < samples; ++i)
      detail::require(std::isfinite(log_prior(i)), "Ideal: the logarithm of prior probability ", i, " is ",
                      log_prior(i), ", expected a finite number");
    return log_prior;
  }

  [[nodiscard]] Batch<Scalar> denoise_block(const Batch<Scalar>& y, NoiseLevel level) const {
    const Index queries = y.cols();
    Batch<Scalar> weighted_sum;
    Vector<double> smallest = Vector<double>::Constant(queries, std::numeric_limits<double>::infinity());
    Vector<double> weight_sum = Vector<double>::Zero(queries);
    const Vector<double> y_squared = y.template cast<double>().colwise().squaredNorm();
    for (Index first = 0; first < data_.cols(); first += tile) {
      const auto samples = data_.middleCols(first, std::min(tile, data_.cols() - first));
      // From products to weights in place.
      Matrix<Scalar> weights = LinearAlgebra<Cpu>::multiply_transposed(samples, y);
      Vector<Scalar> rescaling(queries);
      parallel_for(queries, 16 * samples.cols(), [&](Index j) {
        rescaling(j) = static_cast<Scalar>(
            softmax_.tile(weights.col(j), data_, y.col(j), y_squared(j), first, level, smallest(j), weight_sum(j)));
      });
      Batch<Scalar> sum = LinearAlgebra<Cpu>::multiply(samples, weights);
      if (first == 0)
        weighted_sum = std::move(sum);
      else
        parallel_for(queries, 2 * dimension(),
                     [&](Index j) { weighted_sum.col(j) = rescaling(j) * weighted_sum.col(j) + sum.col(j); });
    }
    parallel_for(queries, dimension(), [&](Index j) { weighted_sum.col(j) /= static_cast<Scalar>(weight_sum(j)); });
    return weighted_sum;
  }

  Batch<Scalar> data_;
  detail::TrainingSoftmax<Scalar> softmax_;
};

}  // namespace diffarch
