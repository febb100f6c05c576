#pragma once

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "diffarch/core/storage.hpp"
#include "diffarch/denoiser/random_features.hpp"
#include "diffarch/solver/power_features.hpp"

namespace diffarch {

namespace detail {

/// By what Legacy multiplies its features. Training data that are all equal, as in the empty corner of images, need no
/// scale: there is nothing to predict.
template <class Real>
[[nodiscard]] constexpr Real legacy_scale(Real data_deviation) noexcept {
  return data_deviation > Real(0) ? Real(1) / data_deviation : Real(1);
}

/// Standard deviation of all values of n samples, from the mean of each value and its sum of squares about that mean.
template <class M>
[[nodiscard]] double deviation_of_values(const M& mean, const M& squares, Index n) {
  const auto samples = static_cast<double>(n);
  const double between = samples * (mean.array() - mean.mean()).square().sum();
  return std::sqrt((squares.sum() + between) / (samples * static_cast<double>(mean.size()) - 1.0));
}

inline constexpr const char* features_overflow = "the features overflow double precision";

/// Returns a multiple of the identity that covers the rounding of a Gram matrix (p, p) in double whose largest diagonal
/// entry is `largest`.
[[nodiscard]] constexpr double gram_rounding(Index p, double largest) noexcept {
  return 16.0 * std::numeric_limits<double>::epsilon() * (static_cast<double>(p) * largest);
}

}  // namespace detail

/// One least-squares fit on random features: with the centred features H (p, n) of the training samples,
///   Cov(x0, h) (Cov(h) + ridge)^-1 (h(y) - E h) = X H^T (L L^T)^-1 (h(y) - E h),   X the centred training samples.
/// A backend specialises this with the members below, on its own arrays; the fit of the host also tells its parts.
template <class Averaging, class B = Cpu>
struct RandomFeatureFit;

template <class Averaging>
struct RandomFeatureFit<Averaging, Cpu> {
  static constexpr bool is_legacy = std::is_same_v<Averaging, Legacy>;
  static constexpr bool is_exact = std::is_same_v<Averaging, ExactAverage>;

  using Real = detail::Dependent<double, Averaging>;  ///< double

  /// Covariance R R^T (p, p) of the noise of the preactivations, at unit noise.
  using Noise = Matrix<Real>;

  int degree = 1;
  Vector<Real> preactivation_scale;  ///< (p)
  Vector<Real> feature_scale;        ///< (p)
  Vector<Real> feature_mean;         ///< (p), scaled
  Matrix<Real> features;             ///< H (p, n), scaled and centred, divided by n (Legacy: n - 1)
  Matrix<Real> factor;               ///< L (p, p): Cholesky factor of covariance + ridge, unit diagonal

  /// Returns the covariance R R^T of directions R^T (d, p).
  template <class Scalar>
  [[nodiscard]] static Noise noise_of(const Batch<Scalar>& directions) {
    return LinearAlgebra<Cpu>::gram(directions);
  }

  /// The factor of R R^T, for noise drawn in feature space. A multiple of the identity covers the rounding of the Gram
  /// matrix: more directions than dimensions make it singular.
  [[nodiscard]] static Matrix<Real> noise_factor(Noise noise) {
    noise.diagonal().array() += detail::gram_rounding(noise.rows(), noise.diagonal().maxCoeff());
    return LinearAlgebra<Cpu>::cholesky(std::move(noise));
  }

  /// ExactAverage. `a` (p, n): preactivations of the clean samples, scaled by the signal; their noise has the
  /// covariance `noise_variance` times `noise`. Throws NumericalError when the features overflow or their covariance is
  /// not positive definite.
  [[nodiscard]] static RandomFeatureFit fit(int degree, const Averaging& averaging, const Matrix<Real>& a,
                                            const Noise& noise, double noise_variance) requires(is_exact) {
    return fit(degree, averaging, a, Noise(noise_variance * noise));
  }
  /// Overload that takes the covariance of the noise itself.
  [[nodiscard]] static RandomFeatureFit fit(int degree, const Averaging& averaging, const Matrix<Real>& a,
                                            const Noise& noise) requires(is_exact) {
    auto moments = power_feature_moments(a, noise, degree);
    moments.covariance.diagonal().array() += averaging.ridge;
    RandomFeatureFit result;
    result.degree = degree;
    result.factor = LinearAlgebra<Cpu>::cholesky(std::move(moments.covariance));
    result.preactivation_scale = std::move(moments.preactivation_scale);
    result.feature_scale = std::move(moments.feature_scale);
    result.feature_mean = std::move(moments.mean);
    result.features = std::move(moments.sample_means);
    parallel_for_rows(result.features, [&](Index /*first*/, auto rows) { rows /= static_cast<double>(a.cols()); });
    return result;
  }

  /// SingleDraw and Legacy. `noisy` (p, n): preactivations of the noisy samples. `data_deviation`: standard deviation
  /// of the training data, by which Legacy divides its features. Throws like the other.
  [[nodiscard]] static RandomFeatureFit fit(int degree, const Averaging& averaging, Matrix<Real> noisy,
                                            double data_deviation) requires(!is_exact) {
    const Index p = noisy.rows();
    const double divisor = static_cast<double>(noisy.cols() - (is_legacy ? 1 : 0));
    const Vector<Real> scale = Vector<Real>::Constant(p, is_legacy ? detail::legacy_scale(data_deviation) : 1.0);
    RandomFeatureFit result{degree, Vector<Real>::Ones(p), scale, Vector<Real>::Zero(p), {}, {}};
    result.features = result.centred_features(std::move(noisy));
    Vector<Real> unit(p);
    parallel_for_rows(result.features, [&](Index first, auto rows) {
      auto mean = result.feature_mean.segment(first, rows.rows());
      auto inverse_deviation = unit.segment(first, rows.rows());
      mean = rows.rowwise().mean();
      rows.colwise() -= mean;
      inverse_deviation = (rows.rowwise().squaredNorm().array() / divisor + averaging.ridge).rsqrt();
      rows.array().colwise() *= inverse_deviation.array() / std::sqrt(divisor);
    });
    detail::require<NumericalError>(unit.allFinite() && unit.minCoeff() > 0.0, detail::features_overflow);
    Matrix<Real> covariance = Matrix<Real>::Zero(p, p);
    LinearAlgebra<Cpu>::add_multiply_by_transpose(covariance, result.features);
    covariance.diagonal() += averaging.ridge * unit.cwiseAbs2();
    result.factor = LinearAlgebra<Cpu>::cholesky(std::move(covariance));
    result.feature_scale = result.feature_scale.cwiseProduct(unit);
    result.feature_mean = result.feature_mean.cwiseProduct(unit);
    parallel_for_rows(result.features, [&](Index /*first*/, auto rows) { rows /= std::sqrt(divisor); });
    return result;
  }

  /// h - E h of preactivations a = R y + b, (p, n), in their place.
  [[nodiscard]] Matrix<Real> centred_features(Matrix<Real> a) const {
    const Vector<Real> inverse_scale = preactivation_scale.cwiseInverse();
    parallel_for(a.cols(), 8 * a.rows(), [&](Index column) {
      const double inverse_largest = is_legacy ? 1.0 / a.col(column).cwiseAbs().maxCoeff() : 1.0;
      a.col(column) = integer_power(a.col(column).array() * inverse_largest * inverse_scale.array(), degree) *
                          feature_scale.array() -
                      feature_mean.array();
    });
    return a;
  }

  /// H^T (L L^T)^-1 h: the weights of the training samples, (n, columns), for centred features h.
  [[nodiscard]] Matrix<Real> weights(const Matrix<Real>& h) const {
    using Algebra = LinearAlgebra<Cpu>;
    return Algebra::multiply_transposed(features, Algebra::cholesky_solve(factor, h));
  }

  /// This fit in host memory.
  [[nodiscard]] const RandomFeatureFit& on_host() const noexcept { return *this; }
};

/// A backend on which random features can be fitted.
template <class B, class Averaging>
concept FitsRandomFeatures = Backend<B> && requires {
  typename RandomFeatureFit<Averaging, B>::Noise;
};

namespace detail {

/// Throws InvalidArgument for a ridge that is not positive, or a bias with Legacy.
template <class Averaging>
void check_averaging(const Averaging& averaging, bool bias) {
  require(averaging.ridge > 0.0 && std::isfinite(averaging.ridge), "RandomFeatures: ridge = ", averaging.ridge,
          ", expected a finite ridge > 0");
  require(!(std::is_same_v<Averaging, Legacy> && bias), "RandomFeatures: Legacy has no bias; expected bias = false");
}

/// Throws InvalidArgument for Legacy of a single training sample, whose covariances it would divide by zero.
template <class Averaging>
void check_samples(Index n) {
  require(!std::is_same_v<Averaging, Legacy> || n >= 2,
          "RandomFeatures: Legacy divides by n - 1, and the training data have n = ", n,
          "; expected at least 2 samples");
}

/// Random directions R^T (d, p), each N(0, I / d).
template <Backend B, class Scalar>
[[nodiscard]] typename B::template Storage<Scalar> draw_directions(Index d, Index p, Seed seed, Stream stream) {
  auto directions = B::template normal<Scalar>(d, p, seed, stream, 0);
  const auto root = static_cast<Scalar>(std::sqrt(static_cast<double>(d)));
  B::for_each(d, p, elementwise::Divide<Scalar>{directions.data(), directions.data(), root, d});
  return directions;
}

/// Biases b (p, 1), N(0, 1), or zeros.
template <Backend B>
[[nodiscard]] typename B::template Storage<double> draw_biases(Index p, bool bias, Seed seed) {
  return B::upload(bias ? normal_batch<double>(p, 1, seed, streams::biases)
                        : Matrix<double>(Matrix<double>::Zero(p, 1)));
}

}  // namespace detail
}  // namespace diffarch
