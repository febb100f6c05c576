#pragma once

#include <cmath>

#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

/// x^exponent by repeated squaring; exponent >= 0.
[[nodiscard]] constexpr double integer_power(double x, int exponent) noexcept {
  double power = 1.0;
  for (; exponent > 0; exponent /= 2, x *= x)
    if (exponent % 2 == 1) power *= x;
  return power;
}

/// First two moments, over samples and noise, of the features h_j = f_j ((a_j + noise_j) / t_j)^degree.
struct PowerFeatureMoments {
  Vector<double> preactivation_scale;  ///< t (p): root mean square of a_j + noise_j
  Vector<double> feature_scale;        ///< f (p): gives every feature variance 1
  Vector<double> mean;                 ///< E[h] (p)
  Matrix<double> sample_means;         ///< E[h | sample i] - E[h], (p, n)
  Matrix<double> covariance;           ///< Cov(h) (p, p), unit diagonal
};

/// Exact moments of powers of noisy preactivations: a_ji (p, n) for sample i plus Gaussian noise of covariance C (p,
/// p).
///   E[h_i h_j | a] = sum_m C_ij^m / m! (degree! / (degree - m)!)^2 M_{degree - m}(a_i, s_i) M_{degree - m}(a_j, s_j),
/// M_q(a, s) = E[(a + s z)^q], s_i^2 = C_ii: the Hermite (Mehler) expansion of a product of two polynomials of jointly
/// Gaussian variables. Averaged over the samples it is degree + 1 products (p, n) x (n, p). No draws: the result is
/// that of infinitely many.
///
/// Scaling: preactivations to unit root mean square, every term as a correlation C_ij / (s_i s_j) to the power m times
/// two factors M that are sums of terms of one sign, so that every entry is right to about eps (degree + n) relative to
/// the diagonal, however large the powers. Products of orders whose correlation, to that power, is below eps are
/// needed on the diagonal only and skipped elsewhere.
/// Throws NumericalError when a feature's variance overflows (degree above about 80).
[[nodiscard]] inline PowerFeatureMoments power_feature_moments(const Matrix<double>& a, const Matrix<double>& c,
                                                               int degree) {
  using Algebra = LinearAlgebra<Cpu>;
  const Index p = a.rows();
  const Index n = a.cols();
  PowerFeatureMoments moments;
  const Vector<double> noise_variance = c.diagonal();
  moments.preactivation_scale =
      (a.rowwise().squaredNorm() / static_cast<double>(n) + noise_variance).cwiseSqrt().cwiseMax(1e-300);
  const Vector<double> inverse_scale = moments.preactivation_scale.cwiseInverse();
  const Vector<double> relative_variance = noise_variance.cwiseProduct(inverse_scale.cwiseAbs2());

  // Correlations of the noise, zero where there is none.
  const Vector<double> inverse_deviation =
      noise_variance.unaryExpr([](double v) { return v > 0.0 ? 1.0 / std::sqrt(v) : 0.0; });
  const Matrix<double> correlation = inverse_deviation.asDiagonal() * c * inverse_deviation.asDiagonal();
  double largest_correlation = 0.0;
  for (Index j = 0; j < p; ++j)
    for (Index i = j + 1; i < p; ++i) largest_correlation = std::max(largest_correlation, std::abs(correlation(i, j)));

  // m runs down from degree to 0 while q = degree - m runs up the recurrence M_q = a M_{q-1} + (q - 1) s^2 M_{q-2}; the
  // sum over m is Horner's rule in the correlation, entry by entry.
  Matrix<double> current = Matrix<double>::Ones(p, n);
  Matrix<double> previous = Matrix<double>::Zero(p, n);
  Matrix<double> scaled(p, n);
  moments.covariance = Matrix<double>::Zero(p, p);
  Vector<double> diagonal = Vector<double>::Zero(p);
  for (int q = 0; q <= degree; ++q) {
    const int m = degree - q;
    if (q > 0)
      parallel_for(n, 4 * p, [&](Index i) {
        for (Index j = 0; j < p; ++j) {
          const double next = a(j, i) * inverse_scale(j) * current(j, i) +
                              static_cast<double>(q - 1) * relative_variance(j) * previous(j, i);
          previous(j, i) = current(j, i);
          current(j, i) = next;
        }
      });
    double factor = 1.0;  // degree! / ((degree - m)! sqrt(m!))
    for (int i = 0; i < m; ++i) factor *= static_cast<double>(degree - i) / std::sqrt(static_cast<double>(i + 1));
    const Vector<double> row_factor =
        relative_variance.unaryExpr([m, factor](double v) { return factor * integer_power(std::sqrt(v), m); });
    if (m == 0) {
      moments.mean = current.rowwise().mean();
      scaled = current.colwise() - moments.mean;
    } else {
      scaled = row_factor.asDiagonal() * current;
    }
    diagonal += scaled.rowwise().squaredNorm() / static_cast<double>(n);
    if (m > 0 && std::pow(largest_correlation, m) < 1e-17) continue;
    const Matrix<double> product = Algebra::multiply_by_transpose(scaled);
    parallel_for(p, 3 * p, [&](Index j) {
      for (Index i = 0; i < p; ++i)
        moments.covariance(i, j) =
            moments.covariance(i, j) * correlation(i, j) + product(i, j) / static_cast<double>(n);
    });
  }
  detail::require<NumericalError>(diagonal.allFinite() && moments.covariance.allFinite(), "features of degree ", degree,
                                  ": their variance overflows double precision");
  moments.feature_scale = diagonal.cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
  moments.mean = moments.mean.cwiseProduct(moments.feature_scale);
  moments.sample_means = moments.feature_scale.asDiagonal() * scaled;
  moments.covariance =
      (moments.feature_scale.asDiagonal() * moments.covariance * moments.feature_scale.asDiagonal()).eval();
  moments.covariance.diagonal() = moments.feature_scale.cwiseAbs2().cwiseProduct(diagonal);
  return moments;
}

}  // namespace diffarch
