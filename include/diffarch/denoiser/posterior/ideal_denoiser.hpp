#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "diffarch/core/fitter.hpp"
#include "diffarch/denoiser/posterior/posterior_weight.hpp"
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
  explicit IdealDenoiser(Batch<Scalar> data) : data_(std::move(data)), squared_norms_(data_.cols()) {
    for (Index i = 0; i < data_.cols(); ++i) squared_norms_(i) = data_.col(i).template cast<double>().squaredNorm();
    largest_norm_ = std::sqrt(squared_norms_.maxCoeff());
  }

  [[nodiscard]] Index dimension() const noexcept { return data_.rows(); }
  /// The training samples (d, n).
  [[nodiscard]] const Batch<Scalar>& data() const noexcept { return data_; }

  /// x0_hat (d, n) of y (d, n); without noise, the nearest training sample. Throws DimensionMismatch when y does not
  /// have d rows.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    detail::require_dimension(y, dimension());
    Batch<Scalar> x0_hat(y.rows(), y.cols());
    for (Index first = 0; first < y.cols(); first += query_block) {
      const Index count = std::min(query_block, y.cols() - first);
      x0_hat.middleCols(first, count) = denoise_block(y.middleCols(first, count), level);
    }
    return x0_hat;
  }

 private:
  static constexpr Index tile = 1024;
  static constexpr Index query_block = 512;

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
            softmax(weights.col(j), y.col(j), y_squared(j), first, level, smallest(j), weight_sum(j)));
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

  /// Turns the products x_i . y of one tile into weights exp(-(r_i - r) / (2 noise^2)), r_i = |y - signal x_i|^2 and r
  /// the smallest up to this tile; updates r and the sum of weights; returns what earlier weights are to be multiplied
  /// by.
  template <class Weights, class Query>
  [[nodiscard]] double softmax(Weights weights, const Query& y, double y_squared, Index first, NoiseLevel level,
                               double& smallest, double& weight_sum) const {
    const double precision = detail::posterior_precision(level);
    const detail::DistancesFromProducts<Scalar> distances{level.signal, precision, largest_norm_};
    Vector<double> residuals(weights.size());
    for (Index i = 0; i < residuals.size(); ++i)
      residuals(i) = distances.squared_distance(y_squared, weights(i), squared_norms_(first + i));
    double in_tile = residuals.minCoeff();
    if (const double error = distances.error(y_squared); distances.must_be_measured(error)) {
      const double reach = distances.reach(std::min(in_tile, smallest), error);
      in_tile = std::numeric_limits<double>::infinity();
      for (Index i = 0; i < residuals.size(); ++i) {
        residuals(i) = residuals(i) > reach ? std::numeric_limits<double>::infinity()
                                            : squared_distance(y, level.signal, data_.col(first + i));
        in_tile = std::min(in_tile, residuals(i));
      }
    }

    const double before = smallest;
    smallest = std::min(smallest, in_tile);
    const double rescaling = detail::posterior_weight(before - smallest, precision);
    double sum = 0.0;
    for (Index i = 0; i < residuals.size(); ++i) {
      weights(i) = static_cast<Scalar>(detail::posterior_weight(residuals(i) - smallest, precision));
      sum += static_cast<double>(weights(i));
    }
    weight_sum = rescaling * weight_sum + sum;
    return rescaling;
  }

  template <class Query, class Sample>
  [[nodiscard]] static double squared_distance(const Query& y, double signal, const Sample& x) {
    return (y.template cast<double>() - signal * x.template cast<double>()).squaredNorm();
  }

  Batch<Scalar> data_;
  Vector<double> squared_norms_;  ///< |x_i|^2, (n)
  double largest_norm_ = 0.0;
};

}  // namespace diffarch
