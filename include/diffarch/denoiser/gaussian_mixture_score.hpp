#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/fitter.hpp"
#include "diffarch/data/gaussian_mixture.hpp"

namespace diffarch {

/// The exact denoiser of a Gaussian mixture: the ground truth that learned denoisers of its samples approximate, and
/// the premise of the paper's Theorem 1. `fit` takes the `GaussianMixture` itself in place of samples.
struct GaussianMixtureScore {
  [[nodiscard]] std::string name() const { return "GaussianMixtureScore"; }
};

static_assert(Architecture<GaussianMixtureScore>);

namespace detail {

/// Variance of y along a direction in which x has `variance`.
[[nodiscard]] constexpr double marginal_variance(double variance, NoiseLevel level) noexcept {
  return variance * level.signal * level.signal + level.noise * level.noise;
}

/// -log N(coordinate; 0, variance), without the constant.
template <class Real>
[[nodiscard]] constexpr Real minus_log_normal(Real coordinate, Real variance) noexcept {
  return Real(0.5) * (coordinate * coordinate / variance + std::log(variance));
}

}  // namespace detail

/// Model of `GaussianMixtureScore` on a backend: the host's is here, that of `Cuda` in
/// cuda/denoiser/gaussian_mixture_denoiser.hpp.
template <class Scalar, class BackendType = Cpu>
class GaussianMixtureDenoiser;

/// Model of `GaussianMixtureScore`. Of y = signal x + noise eps, component k has the posterior
///   N(m_k + S_k (y - signal m_k), C_k),  S_k = signal Sigma_k A_k^-1,  C_k = noise^2 Sigma_k A_k^-1,
///   A_k = signal^2 Sigma_k + noise^2 I,  and probability r_k ~ w_k N(y; signal m_k, A_k),
/// so x0_hat = sum_k r_k (m_k + S_k (y - signal m_k)). Computed in the eigenbasis of each Sigma_k, so components may be
/// singular. Cost of denoise: O(m d^2) per sample.
template <class Scalar_>
class GaussianMixtureDenoiser<Scalar_, Cpu> {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;

  explicit GaussianMixtureDenoiser(GaussianMixture<Scalar> mixture) : mixture_(std::move(mixture)) {}

  [[nodiscard]] Index dimension() const noexcept { return mixture_.dimension(); }
  [[nodiscard]] const GaussianMixture<Scalar>& mixture() const noexcept { return mixture_; }

  /// E[x | y] (d, n) of y (d, n). Without noise it is y / signal. Throws DimensionMismatch.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    check(y);
    Batch<Scalar> x0_hat(y.rows(), y.cols());
    if (level.is_clean()) return y / static_cast<Scalar>(level.signal);
    parallel_for(y.cols(), mixture_.components() * y.rows() * y.rows(), [&](Index column) {
      const Posterior posterior = posterior_of(y.col(column), level);
      x0_hat.col(column) = posterior.means * posterior.probabilities;
    });
    return x0_hat;
  }

  /// Throws DimensionMismatch unless y (d, n), on any backend, has the dimension of the mixture.
  template <class Storage>
  void check(const Storage& y) const {
    detail::require_dimension(y, dimension());
  }

  /// Cov[x | y] (d, d) of one sample y (d, 1): its trace is the squared error that no denoiser can avoid there.
  /// Throws DimensionMismatch, or InvalidArgument for another number of samples.
  [[nodiscard]] Matrix<double> posterior_covariance(const Batch<Scalar>& y, NoiseLevel level) const {
    check(y);
    detail::require(y.cols() == 1, "posterior_covariance: y is ", detail::shape_text(y), "; expected one sample");
    const Index d = dimension();
    Matrix<Real> covariance = Matrix<Real>::Zero(d, d);
    if (level.is_clean()) return covariance;
    const Posterior posterior = posterior_of(y.col(0), level);
    const Vector<Real> mean = (posterior.means * posterior.probabilities).template cast<double>();
    for (Index k = 0; k < mixture_.components(); ++k) {
      const auto at = static_cast<std::size_t>(k);
      const Vector<Real> variance = mixture_.deviations()[at].template cast<double>().cwiseAbs2();
      const Matrix<Real> directions = mixture_.directions()[at].template cast<double>();
      const Vector<Real> kept = variance.unaryExpr(
          [level](double v) { return v * level.noise * level.noise / detail::marginal_variance(v, level); });
      const Vector<Real> offset = posterior.means.col(k).template cast<double>() - mean;
      covariance += static_cast<double>(posterior.probabilities(k)) *
                    (directions * kept.asDiagonal() * directions.transpose() + offset * offset.transpose());
    }
    return covariance;
  }

  /// d x0_hat / d y (d, d) at one sample y (d, 1): signal / noise^2 times the posterior covariance (Tweedie's second
  /// formula). Throws like posterior_covariance, and InvalidArgument without noise.
  [[nodiscard]] Matrix<double> jacobian(const Batch<Scalar>& y, NoiseLevel level) const {
    detail::require(!level.is_clean(), "GaussianMixtureScore: the Jacobian needs noise > 0");
    return level.signal / (level.noise * level.noise) * posterior_covariance(y, level);
  }

 private:
  using Real = detail::Dependent<double, Scalar>;

  struct Posterior {
    Vector<Scalar> probabilities;  ///< r_k (m)
    Matrix<Scalar> means;          ///< E[x | y, component k], (d, m)
  };

  template <class Column>
  [[nodiscard]] Posterior posterior_of(const Column& y, NoiseLevel level) const {
    const Index m = mixture_.components();
    Posterior posterior{Vector<Scalar>(m), Matrix<Scalar>(dimension(), m)};
    Vector<Real> log_probabilities(m);
    for (Index k = 0; k < m; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const Matrix<Scalar>& directions = mixture_.directions()[at];
      const Vector<Scalar>& deviations = mixture_.deviations()[at];
      Vector<Scalar> coordinates =
          directions.transpose() * (y - static_cast<Scalar>(level.signal) * mixture_.means().col(k));
      double log_probability = std::log(static_cast<double>(mixture_.weights()(k)));
      for (Index i = 0; i < coordinates.size(); ++i) {
        const double variance = static_cast<double>(deviations(i)) * static_cast<double>(deviations(i));
        const double marginal = detail::marginal_variance(variance, level);
        const auto coordinate = static_cast<double>(coordinates(i));
        log_probability -= detail::minus_log_normal(coordinate, marginal);
        coordinates(i) = static_cast<Scalar>(level.signal * variance / marginal * coordinate);
      }
      log_probabilities(k) = log_probability;
      posterior.means.col(k) = mixture_.means().col(k) + directions * coordinates;
    }
    const Vector<Real> odds = (log_probabilities.array() - log_probabilities.maxCoeff()).exp();
    posterior.probabilities = (odds / odds.sum()).template cast<Scalar>();
    return posterior;
  }

  GaussianMixture<Scalar> mixture_;
};

template <class BackendType, class Scalar>
struct Fitter<GaussianMixtureScore, BackendType, Scalar> {
  using Model = GaussianMixtureDenoiser<Scalar, BackendType>;

  [[nodiscard]] static Model fit(const GaussianMixtureScore& /*architecture*/, const GaussianMixture<Scalar>& mixture,
                                 const NoiseLevels& /*levels*/, const ProgressCallback& /*progress*/) {
    return Model(mixture);
  }
};

}  // namespace diffarch
