#pragma once

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "diffarch/denoiser/random_features.hpp"
#include "diffarch/solver/power_features.hpp"

namespace diffarch {

/// One least-squares fit on random features: with the centred features H (p, n) of the training samples,
///   Cov(x0, h) (Cov(h) + ridge)^-1 (h(y) - E h) = X H^T (L L^T)^-1 (h(y) - E h),   X the centred training samples.
template <class Averaging>
struct RandomFeatureFit {
  static constexpr bool is_legacy = std::is_same_v<Averaging, Legacy>;

  int degree = 1;
  Vector<double> preactivation_scale;  ///< (p)
  Vector<double> feature_scale;        ///< (p)
  Vector<double> feature_mean;         ///< (p), scaled
  Matrix<double> features;             ///< H (p, n), scaled and centred, divided by n (Legacy: n - 1)
  Matrix<double> factor;               ///< L (p, p): Cholesky factor of covariance + ridge, unit diagonal

  /// h - E h of preactivations a = R y + b, (p, n), in their place.
  [[nodiscard]] Matrix<double> centred_features(Matrix<double> a) const {
    const Vector<double> inverse_scale = preactivation_scale.cwiseInverse();
    parallel_for(a.cols(), 8 * a.rows(), [&](Index column) {
      const double inverse_largest = is_legacy ? 1.0 / a.col(column).cwiseAbs().maxCoeff() : 1.0;
      a.col(column) = integer_power(a.col(column).array() * inverse_largest * inverse_scale.array(), degree) *
                          feature_scale.array() -
                      feature_mean.array();
    });
    return a;
  }

  /// H^T (L L^T)^-1 h: the weights of the training samples, (n, columns), for centred features h.
  [[nodiscard]] Matrix<double> weights(const Matrix<double>& h) const {
    using Algebra = LinearAlgebra<Cpu>;
    return Algebra::multiply_transposed(features, Algebra::cholesky_solve(factor, h));
  }
};

namespace detail {

/// `a` (p, n): preactivations of the clean samples, scaled by the signal, `noise` (p, p): covariance of their noise.
/// Throws NumericalError when the features overflow or their covariance is not positive definite.
template <class Real>
[[nodiscard]] RandomFeatureFit<ExactAverage> fit_random_features(int degree, const ExactAverage& averaging,
                                                                 const Matrix<Real>& a,
                                                                 const std::type_identity_t<Matrix<Real>>& noise) {
  auto moments = power_feature_moments(a, noise, degree);
  moments.covariance.diagonal().array() += averaging.ridge;
  RandomFeatureFit<ExactAverage> fit;
  fit.degree = degree;
  fit.factor = LinearAlgebra<Cpu>::cholesky(std::move(moments.covariance));
  fit.preactivation_scale = std::move(moments.preactivation_scale);
  fit.feature_scale = std::move(moments.feature_scale);
  fit.feature_mean = std::move(moments.mean);
  fit.features = std::move(moments.sample_means);
  fit.features /= static_cast<double>(a.cols());
  return fit;
}

/// SingleDraw and Legacy. `noisy` (p, n): preactivations of the noisy samples. `data_deviation`: standard deviation of
/// the training data, by which Legacy divides its features. Throws like the other.
template <class Averaging>
[[nodiscard]] RandomFeatureFit<Averaging> fit_random_features(int degree, const Averaging& averaging,
                                                              Matrix<double> noisy, double data_deviation) {
  using Fit = RandomFeatureFit<Averaging>;
  const Index p = noisy.rows();
  const double divisor = static_cast<double>(noisy.cols() - (Fit::is_legacy ? 1 : 0));
  const Vector<double> scale = Vector<double>::Constant(p, Fit::is_legacy ? 1.0 / data_deviation : 1.0);
  Fit fit{degree, Vector<double>::Ones(p), scale, Vector<double>::Zero(p), {}, {}};
  fit.features = fit.centred_features(std::move(noisy));
  fit.feature_mean = fit.features.rowwise().mean();
  fit.features.colwise() -= fit.feature_mean;
  const Vector<double> variance = (fit.features.rowwise().squaredNorm() / divisor).array() + averaging.ridge;
  const Vector<double> unit = variance.cwiseSqrt().cwiseInverse();
  require<NumericalError>(unit.allFinite() && unit.minCoeff() > 0.0, "the features overflow double precision");
  const Vector<double> sample_scale = unit / std::sqrt(divisor);
  parallel_for(fit.features.cols(), p,
               [&](Index i) { fit.features.col(i) = fit.features.col(i).cwiseProduct(sample_scale); });
  Matrix<double> covariance = Matrix<double>::Zero(p, p);
  LinearAlgebra<Cpu>::add_multiply_by_transpose(covariance, fit.features);
  covariance.diagonal() += averaging.ridge * unit.cwiseAbs2();
  fit.factor = LinearAlgebra<Cpu>::cholesky(std::move(covariance));
  fit.feature_scale = fit.feature_scale.cwiseProduct(unit);
  fit.feature_mean = fit.feature_mean.cwiseProduct(unit);
  fit.features /= std::sqrt(divisor);
  return fit;
}

/// Throws InvalidArgument for a ridge that is not positive, or a bias with Legacy.
template <class Averaging>
void check_averaging(const Averaging& averaging, bool bias) {
  require(averaging.ridge > 0.0 && std::isfinite(averaging.ridge), "RandomFeatures: ridge = ", averaging.ridge,
          ", expected a finite ridge > 0");
  require(!(std::is_same_v<Averaging, Legacy> && bias), "RandomFeatures: Legacy has no bias; expected bias = false");
}

/// The factor of R R^T, for noise drawn in feature space. A multiple of the identity covers the rounding of the Gram
/// matrix: more directions than dimensions make it singular.
template <class Real>
[[nodiscard]] Matrix<Real> noise_factor(Matrix<Real> gram) {
  const Real size = static_cast<Real>(gram.rows()) * gram.diagonal().maxCoeff();
  gram.diagonal().array() += 16.0 * std::numeric_limits<Real>::epsilon() * size;
  return LinearAlgebra<Cpu>::cholesky(gram);
}

}  // namespace detail
}  // namespace diffarch
