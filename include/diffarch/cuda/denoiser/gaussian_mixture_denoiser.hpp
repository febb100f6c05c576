#pragma once

#include <cmath>
#include <limits>
#include <utility>

#include "diffarch/core/elementwise.hpp"
#include "diffarch/cuda/runtime/backend.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"

namespace diffarch {

namespace cuda::detail {

/// The posterior mean of one noisy sample, streamed over the components of the mixture, in double.
template <class Scalar>
struct MixturePosteriorMean {
  Scalar* x0_hat;             ///< (d, samples)
  const Scalar* y;            ///< (d, samples)
  double* coordinates;        ///< (samples, d), to work in: threads next to each other have samples next to each other
  double* weighted_sum;       ///< (samples, d), to work in
  const double* log_weights;  ///< (components)
  const double* means;        ///< (d, components)
  const double* variances;    ///< (d, components), along the directions
  const double* directions;   ///< (d, d x components)
  Index samples, d, components;
  NoiseLevel level;

  constexpr void operator()(Index sample, Index /*column*/) const {
    double largest = -std::numeric_limits<double>::infinity();
    double total = 0.0;
    for (Index k = 0; k < components; ++k) {
      const double log_probability = enter_coordinates(sample, k);
      const double before = largest;
      if (!(log_probability <= largest)) largest = log_probability;
      const double keep = k == 0 ? 0.0 : std::exp(before - largest);
      const double add = std::exp(log_probability - largest);
      total = keep * total + add;
      for (Index row = 0; row < d; ++row) {
        double mean = means[k * d + row];
        for (Index i = 0; i < d; ++i) mean += directions[(k * d + i) * d + row] * coordinates[i * samples + sample];
        double& sum = weighted_sum[row * samples + sample];
        sum = (k == 0 ? 0.0 : keep * sum) + add * mean;
      }
    }
    for (Index row = 0; row < d; ++row)
      x0_hat[sample * d + row] = static_cast<Scalar>(weighted_sum[row * samples + sample] / total);
  }

 private:
  /// Coordinates of the posterior mean of component k about its mean; returns log w_k N(y; signal m_k, A_k).
  constexpr double enter_coordinates(Index sample, Index k) const {
    double log_probability = log_weights[k];
    for (Index i = 0; i < d; ++i) {
      double coordinate = 0.0;
      for (Index row = 0; row < d; ++row)
        coordinate += directions[(k * d + i) * d + row] *
                      (static_cast<double>(y[sample * d + row]) - level.signal * means[k * d + row]);
      const double variance = variances[k * d + i];
      const double marginal = diffarch::detail::marginal_variance(variance, level);
      log_probability -= diffarch::detail::minus_log_normal(coordinate, marginal);
      coordinates[i * samples + sample] = level.signal * variance / marginal * coordinate;
    }
    return log_probability;
  }
};

}  // namespace cuda::detail

/// Model of `GaussianMixtureScore` on the device: a thread for each sample, which suits the few dimensions that
/// mixtures have. Memory: 16 d n bytes for a batch of n. The posterior covariance and its relatives are the host's.
template <class Scalar_>
class GaussianMixtureDenoiser<Scalar_, Cuda> {
 public:
  using Scalar = Scalar_;
  using BackendType = Cuda;
  using Storage = cuda::DeviceArray<Scalar>;

  explicit GaussianMixtureDenoiser(GaussianMixture<Scalar> mixture) : host_(std::move(mixture)) {
    const Index d = dimension();
    const Index m = this->mixture().components();
    Matrix<double> variances(d, m);
    Matrix<double> directions(d, d * m);
    for (Index k = 0; k < m; ++k) {
      const auto at = static_cast<std::size_t>(k);
      variances.col(k) = this->mixture().deviations()[at].template cast<double>().cwiseAbs2();
      directions.middleCols(k * d, d) = this->mixture().directions()[at].template cast<double>();
    }
    log_weights_ = cuda::DeviceArray<double>::upload(
        Vector<double>(this->mixture().weights().template cast<double>().array().log()));
    means_ = cuda::DeviceArray<double>::upload(Matrix<double>(this->mixture().means().template cast<double>()));
    variances_ = cuda::DeviceArray<double>::upload(variances);
    directions_ = cuda::DeviceArray<double>::upload(directions);
  }

  [[nodiscard]] Index dimension() const noexcept { return mixture().dimension(); }
  [[nodiscard]] const GaussianMixture<Scalar>& mixture() const noexcept { return host_.mixture(); }

  /// E[x | y] (d, n) of y (d, n). Without noise it is y / signal. Throws DimensionMismatch.
  [[nodiscard]] Storage denoise(const Storage& y, NoiseLevel level) const {
    host_.check(y);
    Storage x0_hat(y.rows(), y.cols());
    if (level.is_clean()) {
      Cuda::for_each(
          y.rows(), y.cols(),
          elementwise::Scale<Scalar>{x0_hat.data(), y.data(), static_cast<Scalar>(1.0 / level.signal), y.rows()});
      return x0_hat;
    }
    cuda::DeviceArray<double> coordinates(y.cols(), y.rows());
    cuda::DeviceArray<double> weighted_sum(y.cols(), y.rows());
    Cuda::for_each(y.cols(), 1,
                   cuda::detail::MixturePosteriorMean<Scalar>{x0_hat.data(), y.data(), coordinates.data(),
                                                              weighted_sum.data(), log_weights_.data(), means_.data(),
                                                              variances_.data(), directions_.data(), y.cols(), y.rows(),
                                                              mixture().components(), level});
    return x0_hat;
  }

  /// Computes the covariance on the host, where y (d, 1) is, as the model of the host does.
  [[nodiscard]] Matrix<double> posterior_covariance(const Batch<Scalar>& y, NoiseLevel level) const {
    return host_.posterior_covariance(y, level);
  }
  [[nodiscard]] Matrix<double> jacobian(const Batch<Scalar>& y, NoiseLevel level) const {
    return host_.jacobian(y, level);
  }

 private:
  GaussianMixtureDenoiser<Scalar, Cpu> host_;
  cuda::DeviceArray<double> log_weights_, means_, variances_, directions_;
};

}  // namespace diffarch
