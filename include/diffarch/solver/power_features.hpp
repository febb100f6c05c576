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
  Matrix<double> covariance;           ///< Cov(h) (p, p), unit diagonal; the lower triangle, zero above
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
  const Vector<double> inverse_deviation =
      noise_variance.unaryExpr([](double v) { return v > 0.0 ? 1.0 / std::sqrt(v) : 0.0; });
  Vector<double> largest(p);  // correlation of the noise of feature j with that of any other
  parallel_for(p, p, [&](Index j) {
    const Index below = p - j - 1;
    largest(j) = below == 0 ? 0.0
                            : c.col(j).tail(below).cwiseProduct(inverse_deviation.tail(below)).cwiseAbs().maxCoeff() *
                                  inverse_deviation(j);
  });
  const double largest_correlation = largest.maxCoeff();

  // m runs down from degree to 0 while q = degree - m runs up the recurrence M_q = a M_{q-1} + (q - 1) s^2 M_{q-2}; the
  // sum over m is Horner's rule in the correlation, entry by entry.
  Matrix<double> current = Matrix<double>::Ones(p, n);
  Matrix<double> previous = Matrix<double>::Zero(p, n);
  Matrix<double>& scaled = moments.sample_means;
  scaled.resize(p, n);
  moments.covariance = Matrix<double>::Zero(p, p);
  Vector<double> diagonal = Vector<double>::Zero(p);
  const double root_count = std::sqrt(static_cast<double>(n));
  for (int q = 0; q <= degree; ++q) {
    const int m = degree - q;
    double factor = 1.0;  // degree! / ((degree - m)! sqrt(m!))
    for (int i = 0; i < m; ++i) factor *= static_cast<double>(degree - i) / std::sqrt(static_cast<double>(i + 1));
    const Vector<double> row_factor = relative_variance.unaryExpr(
        [m, factor, root_count](double v) { return factor * integer_power(std::sqrt(v), m) / root_count; });
    parallel_for(n, 6 * p, [&](Index i) {
      if (q > 0) {
        auto now = current.col(i).array();
        auto before = previous.col(i).array();
        before = a.col(i).array() * inverse_scale.array() * now +
                 static_cast<double>(q - 1) * relative_variance.array() * before;
        now.swap(before);
      }
      scaled.col(i) = row_factor.cwiseProduct(current.col(i));
    });
    if (m == 0) {
      moments.mean = current.rowwise().mean();
      scaled.colwise() -= moments.mean / root_count;
    }
    diagonal += scaled.rowwise().squaredNorm();
    if (m > 0 && std::pow(largest_correlation, m) < 1e-17) continue;
    parallel_for(p, 2 * p, [&](Index j) {
      const Index count = p - j;
      moments.covariance.col(j).tail(count).array() *=
          c.col(j).tail(count).array() * inverse_deviation.tail(count).array() * inverse_deviation(j);
    });
    Algebra::add_multiply_by_transpose(moments.covariance, scaled);
  }
  detail::require<NumericalError>(diagonal.allFinite() && moments.mean.allFinite(), "features of degree ", degree,
                                  ": their variance overflows double precision");
  moments.feature_scale = diagonal.cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
  moments.mean = moments.mean.cwiseProduct(moments.feature_scale);
  const Vector<double> sample_scale = root_count * moments.feature_scale;
  parallel_for(n, p, [&](Index i) { scaled.col(i) = scaled.col(i).cwiseProduct(sample_scale); });
  parallel_for(p, 2 * p, [&](Index j) {
    const Index count = p - j;
    moments.covariance.col(j).tail(count).array() *=
        moments.feature_scale.tail(count).array() * moments.feature_scale(j);
    moments.covariance(j, j) = diagonal(j) * moments.feature_scale(j) * moments.feature_scale(j);
  });
  return moments;
}

}  // namespace diffarch
