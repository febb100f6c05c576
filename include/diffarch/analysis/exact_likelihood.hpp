#pragma once

#include <cmath>
#include <numbers>

#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/core/concepts.hpp"
#include "diffarch/core/wiener_gain.hpp"

namespace diffarch {

namespace detail {

/// Variance at level `to`, on the scale of the data, of a mode of variance lambda >= 0 that starts at level `from` with
/// variance 1 + s^2, s = from.sigma(), and follows the exact flow: (1 + s^2)(lambda + sigma^2) / (lambda + s^2).
[[nodiscard]] inline double flow_variance(double lambda, NoiseLevel from, NoiseLevel to) noexcept {
  const double deviation = from.scale() * exact_flow_gain(lambda, from, {1.0, to.sigma()});
  return deviation * deviation;
}

/// The factor of the flow along this mode on the scale of the data: sqrt((lambda + sigma^2) / (lambda + s^2)).
[[nodiscard]] inline double flow_gain(double lambda, NoiseLevel from, NoiseLevel to) noexcept {
  return from.signal * exact_flow_gain(lambda, from, {1.0, to.sigma()});
}

/// The Gaussian that the exact flow of a spectral model generates.
template <SpectralDenoiser M>
class FlowGaussian {
 public:
  using Scalar = typename M::Scalar;
  using BackendType = typename M::BackendType;
  using Storage = StorageOf<M>;

  FlowGaussian(const M& model, NoiseLevel from, NoiseLevel to)
      : model_(model), mean_(model.mean()), deviations_inverse_(model.eigenvalues()), gains_(model.eigenvalues()) {
    const Index modes = gains_.size();
    outside_variance_ = flow_variance(0.0, from, to);
    outside_gain_ = flow_gain(0.0, from, to);
    log_determinant_ = static_cast<double>(mean_.size()) * std::log(2.0 * std::numbers::pi);
    for (Index mode = 0; mode < modes; ++mode) {
      const double variance = flow_variance(gains_(mode), from, to);
      deviations_inverse_(mode) = 1.0 / std::sqrt(variance);
      gains_(mode) = flow_gain(gains_(mode), from, to) * deviations_inverse_(mode);
      log_determinant_ += std::log(variance);
    }
    if (modes < mean_.size())
      log_determinant_ += static_cast<double>(mean_.size() - modes) * std::log(outside_variance_);
  }

  [[nodiscard]] Vector<double> log_density(const Batch<Scalar>& x) const {
    Vector<double> result(x.cols());
    for (Index column = 0; column < x.cols(); ++column) result(column) = -0.5 * log_determinant_;
    // The flow takes z = 0 to mean - gain mean: what is standardised is U^T (x - mean) + gain U^T mean.
    const Batch<Scalar> at_zero = Batch<Scalar>::Zero(x.rows(), 1);
    const Batch<Scalar> standardised = applied(x, deviations_inverse_);
    const Batch<Scalar> offset = applied(at_zero, gains_);
    subtract_half_squares(result, 1.0, [&](Index row, Index column) {
      return static_cast<double>(standardised(row, column)) - static_cast<double>(offset(row, 0));
    });
    if (gains_.size() == mean_.size()) return result;
    Vector<double> ones(gains_.size());
    for (Index mode = 0; mode < ones.size(); ++mode) ones(mode) = 1.0;
    const Batch<Scalar> inside = applied(x, ones);
    const Batch<Scalar> mean_outside = applied(at_zero, ones);
    subtract_half_squares(result, outside_variance_, [&](Index row, Index column) {
      return static_cast<double>(x(row, column)) - static_cast<double>(inside(row, column)) +
             outside_gain_ * static_cast<double>(mean_outside(row, 0));
    });
    return result;
  }

 private:
  /// mean + U diag(weights) U^T (x - mean), on the host.
  [[nodiscard]] Batch<Scalar> applied(const Batch<Scalar>& x, const Vector<double>& weights) const {
    return BackendType::download(Storage(model_.apply_gains(BackendType::upload(x), 1.0, weights)));
  }

  /// result(column) -= the sum over the rows of value(row, column)^2 / (2 variance).
  template <class Value>
  void subtract_half_squares(Vector<double>& result, double variance, const Value& value) const {
    for (Index column = 0; column < result.size(); ++column) {
      double squared = 0.0;
      for (Index row = 0; row < mean_.size(); ++row) squared += value(row, column) * value(row, column);
      result(column) -= 0.5 * squared / variance;
    }
  }

  const M& model_;
  Vector<double> mean_;
  Vector<double> deviations_inverse_;
  Vector<double> gains_;  ///< of the flow, in deviations of the result
  double outside_variance_ = 0.0;
  double outside_gain_ = 0.0;
  double log_determinant_ = 0.0;
};

template <SpectralDenoiser M>
[[nodiscard]] Vector<double> exact_log_likelihood(const M& model, NoiseLevel from, NoiseLevel to,
                                                  const Batch<typename M::Scalar>& x) {
  const Index modes = model.eigenvalues().size();
  const Index d = model.dimension();
  require<DimensionMismatch>(x.rows() == d && x.cols() >= 1, "exact_log_likelihood: x is ", shape_text(x),
                             " but the model has dimension ", d, "; expected (", d, ", n) with n >= 1");
  require(!from.is_clean() && to.signal > 0.0 && to.sigma() <= from.sigma(),
          "exact_log_likelihood: from sigma = ", from.sigma(), " to sigma = ", to.sigma(),
          ", expected noise at the first level, and at the second no more, and a finite sigma");
  require(modes == d || !to.is_clean(), "exact_log_likelihood: the model has ", modes, " modes in dimension ", d,
          ", so that at sigma = 0 what it generates lies on a subspace and has no density; expected sigma > 0");
  require_finite_samples("exact_log_likelihood", "sample", x);
  return FlowGaussian<M>(model, from, to).log_density(x);
}

}  // namespace detail

/// Log density (n), in nats, of samples x (d, n) under what the exact flow of a model of the linear family generates: z
/// = y / signal at level `to`, started at level `from` from N(0, (1 + sigma_T^2) I) with sigma_T = from.sigma(). This
/// is what `log_likelihood` tends to for many steps. It is a Gaussian. Along each mode, and with lambda = 0 outside of
/// them, it has with sigma = to.sigma()
///   the variance (1 + sigma_T^2)(lambda + sigma^2) / (lambda + sigma_T^2),
///   the mean (1 - sqrt((lambda + sigma^2) / (lambda + sigma_T^2))) u^T mean.
/// `from` may be pure noise: variance lambda + sigma^2 and the mean of the model. `to` may be clean where the model has
/// d modes; with fewer the clean distribution lies on a subspace and has no density. Coordinates are computed in the
/// model's Scalar. Cost: two products, four with fewer modes than d.
/// Throws DimensionMismatch; InvalidArgument for such a clean level, levels in the wrong order, or a sample that is not
/// finite.
template <SpectralDenoiser M, SamplesOf<typename M::Scalar> X>
[[nodiscard]] Vector<double> exact_log_likelihood(const M& model, NoiseLevel from, NoiseLevel to, const X& x) {
  return detail::exact_log_likelihood(model, from, to, as_batch(x));
}

}  // namespace diffarch
