#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "diffarch/core/batch.hpp"
#include "diffarch/denoiser/posterior/posterior_weight.hpp"

namespace diffarch::detail {

/// The softmax over training samples x_i of probabilities p_i before y is seen: weights ~ p_i exp(-|y - signal x_i|^2 /
/// (2 noise^2)), tile by tile (Milakov and Gimelshein 2018). It keeps norms, and not the samples (d, n).
template <class Scalar>
class TrainingSoftmax {
 public:
  using Real = Dependent<double, Scalar>;

  /// `log_prior` (n) is log p_i up to a constant, finite; empty where all p_i are equal.
  explicit TrainingSoftmax(const Batch<Scalar>& data, Vector<double> log_prior = {})
      : log_prior_(std::move(log_prior)), squared_norms_(data.cols()) {
    for (Index i = 0; i < data.cols(); ++i) squared_norms_(i) = data.col(i).template cast<Real>().squaredNorm();
    largest_norm_ = std::sqrt(squared_norms_.maxCoeff());
    if (log_prior_.size() > 0) log_prior_.array() -= log_prior_.maxCoeff();
  }

  /// log p_i, the largest of which is 0, (n); empty where all are equal.
  [[nodiscard]] const Vector<double>& log_prior() const noexcept { return log_prior_; }

  /// Turns the products x_i . y of one tile, whose first sample is number `first` of `data`, into weights exp(-(r_i -
  /// r) / (2 noise^2)), r_i = |y - signal x_i|^2 - 2 noise^2 log p_i and r the smallest up to this tile; updates r and
  /// the sum of weights; returns what earlier weights are to be multiplied by.
  template <class Weights, class Query>
  [[nodiscard]] double tile(Weights weights, const Batch<Scalar>& data, const Query& y, double y_squared, Index first,
                            NoiseLevel level, double& smallest, double& weight_sum) const {
    const double precision = posterior_precision(level);
    const DistancesFromProducts<Scalar> distances{level.signal, precision, largest_norm_};
    Vector<Real> residuals(weights.size());
    for (Index i = 0; i < residuals.size(); ++i)
      residuals(i) = distances.squared_distance(y_squared, weights(i), squared_norms_(first + i)) +
                     prior_distance(first + i, level);
    double in_tile = residuals.minCoeff();
    if (const double error = distances.error(y_squared); distances.must_be_measured(error)) {
      const double reach = distances.reach(std::min(in_tile, smallest), error);
      in_tile = std::numeric_limits<double>::infinity();
      for (Index i = 0; i < residuals.size(); ++i) {
        residuals(i) = residuals(i) > reach
                           ? std::numeric_limits<double>::infinity()
                           : squared_distance(y, level.signal, data.col(first + i)) + prior_distance(first + i, level);
        in_tile = std::min(in_tile, residuals(i));
      }
    }

    const double before = smallest;
    smallest = std::min(smallest, in_tile);
    const double rescaling = posterior_weight(before - smallest, precision);
    double sum = 0.0;
    for (Index i = 0; i < residuals.size(); ++i) {
      weights(i) = static_cast<Scalar>(posterior_weight(residuals(i) - smallest, precision));
      sum += static_cast<double>(weights(i));
    }
    weight_sum = rescaling * weight_sum + sum;
    return rescaling;
  }

 private:
  /// The squared distance that costs as much as the prior, 0 without noise.
  [[nodiscard]] double prior_distance(Index i, NoiseLevel level) const {
    return log_prior_.size() == 0 ? 0.0 : -2.0 * level.noise * level.noise * log_prior_(i);
  }

  template <class Query, class Sample>
  [[nodiscard]] static double squared_distance(const Query& y, double signal, const Sample& x) {
    return (y.template cast<Real>() - signal * x.template cast<Real>()).squaredNorm();
  }

  Vector<double> log_prior_;
  Vector<double> squared_norms_;  ///< |x_i|^2, (n)
  double largest_norm_ = 0.0;
};

}  // namespace diffarch::detail
