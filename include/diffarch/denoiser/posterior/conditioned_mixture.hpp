#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/solver/conditional_gaussian.hpp"
#include "diffarch/solver/linear_measurement.hpp"

namespace diffarch {

/// A Gaussian mixture given a measurement m = A x + N(0, deviation^2 I): again a mixture, of the conditional Gaussians,
/// with weights multiplied by the likelihood N(m; A mean_k, A C_k A^T + deviation^2 I) of each component. Components
/// whose weight is below 1e-30 of the largest are left out. Fitted with `GaussianMixtureScore`, it is the exact
/// denoiser E[x0 | y, m]. Cost for m components: O(d^3 + k d^2 + k^2 d + k^3) each. Throws DimensionMismatch, and
/// InvalidArgument as `condition_gaussian`.
template <class Scalar, Measurement M>
[[nodiscard]] GaussianMixture<Scalar> conditioned(const GaussianMixture<Scalar>& mixture, const M& measurement) {
  using Real = detail::Dependent<double, Scalar>;
  const Index d = mixture.dimension();
  detail::check_measurement(measurement, d);
  const Matrix<Real> a = measurement.of(Matrix<Real>(Matrix<Real>::Identity(d, d)));
  Vector<Real> log_weights(mixture.components());
  Matrix<Real> means = mixture.means().template cast<double>();
  std::vector<Matrix<Scalar>> covariances;
  for (Index k = 0; k < mixture.components(); ++k) {
    const Matrix<Real> covariance = mixture.covariances()[static_cast<std::size_t>(k)].template cast<double>();
    const ConditionalGaussian<Real> conditional = condition_gaussian(covariance, a, measurement.deviation);
    const Vector<Real> innovation = measurement.values - a * means.col(k);
    const Vector<Real> whitened = conditional.factor.template triangularView<Eigen::Lower>().solve(innovation);
    log_weights(k) = std::log(static_cast<double>(mixture.weights()(k))) - 0.5 * whitened.squaredNorm() -
                     conditional.factor.diagonal().array().log().sum();
    means.col(k) += conditional.gain * innovation;
    covariances.push_back(conditional.covariance.template cast<Scalar>());
  }
  const Vector<Real> odds = (log_weights.array() - log_weights.maxCoeff()).exp();
  std::vector<Index> kept;
  std::vector<Matrix<Scalar>> kept_covariances;
  for (Index k = 0; k < mixture.components(); ++k) {
    if (odds(k) < 1e-30) continue;
    kept.push_back(k);
    kept_covariances.push_back(std::move(covariances[static_cast<std::size_t>(k)]));
  }
  const Vector<Real> weights = odds(kept) / odds(kept).sum();
  return GaussianMixture<Scalar>(weights.template cast<Scalar>(), means(Eigen::all, kept).template cast<Scalar>(),
                                 std::move(kept_covariances));
}

}  // namespace diffarch
