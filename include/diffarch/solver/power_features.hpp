#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <type_traits>

#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

/// x^exponent by repeated squaring; exponent >= 0.
template <std::floating_point Real>
[[nodiscard]] constexpr Real integer_power(Real x, int exponent) noexcept {
  Real power{1};
  for (; exponent > 0; exponent /= 2, x *= x)
    if (exponent % 2 == 1) power *= x;
  return power;
}

/// Element-wise overload for arrays.
template <class Derived>
[[nodiscard]] typename Derived::PlainObject integer_power(const Eigen::ArrayBase<Derived>& x, int exponent) {
  using Array = typename Derived::PlainObject;
  Array power = Array::Ones(x.rows(), x.cols());
  for (Array square = x; exponent > 0; exponent /= 2, square *= square)
    if (exponent % 2 == 1) power *= square;
  return power;
}

namespace detail {

/// degree! / ((degree - m)! sqrt(m!)): the root of what multiplies the term of order m of the Hermite expansion, for
/// each of its two factors.
template <class Real>
[[nodiscard]] Real power_term_factor(int degree, int m) {
  Real factor{1};
  for (int i = 0; i < m; ++i) factor *= static_cast<Real>(degree - i) / std::sqrt(static_cast<Real>(i + 1));
  return factor;
}

/// Returns the message for a degree whose features overflow the precision in which they are computed.
[[nodiscard]] inline std::string variance_overflows(int degree) {
  return concat("features of degree ", degree, ": their variance overflows");
}

/// Whether products of order m are too small to count, for correlations of the noise up to the largest.
template <class Real>
[[nodiscard]] bool power_term_is_negligible(Real largest_correlation, int m) {
  return m > 0 && 10 * integer_power(largest_correlation, m) < std::numeric_limits<Real>::epsilon();
}

}  // namespace detail

/// First two moments, over samples and noise, of the features h_j = f_j ((a_j + noise_j) / t_j)^degree.
template <class Real>
struct PowerFeatureMoments {
  Vector<Real> preactivation_scale;  ///< t (p): root mean square of a_j + noise_j
  Vector<Real> feature_scale;        ///< f (p): gives every feature variance 1
  Vector<Real> mean;                 ///< E[h] (p)
  Matrix<Real> sample_means;         ///< E[h | sample i] - E[h], (p, n)
  Matrix<Real> covariance;           ///< Cov(h) (p, p), unit diagonal; only the lower triangle is filled
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
/// Throws NumericalError when a feature's variance overflows: in double from degree 151 on, where E[z^(2 degree)] of a
/// standard normal z does. Up to there entries are right to a few eps (tested against extended precision).
template <class Real>
[[nodiscard]] PowerFeatureMoments<Real> power_feature_moments(const Matrix<Real>& a,
                                                              const std::type_identity_t<Matrix<Real>>& c, int degree) {
  using Algebra = LinearAlgebra<Cpu>;
  const Index p = a.rows();
  const Index n = a.cols();
  constexpr Real least = std::numeric_limits<Real>::min();
  PowerFeatureMoments<Real> moments;
  const Vector<Real> noise_variance = c.diagonal();
  moments.preactivation_scale =
      (a.rowwise().squaredNorm() / static_cast<Real>(n) + noise_variance).cwiseSqrt().cwiseMax(least);
  const Vector<Real> inverse_scale = moments.preactivation_scale.cwiseInverse();
  const Vector<Real> relative_variance = noise_variance.cwiseProduct(inverse_scale.cwiseAbs2());
  const Vector<Real> inverse_deviation =
      noise_variance.unaryExpr([](Real v) { return v > 0 ? 1 / std::sqrt(v) : Real{0}; });
  Vector<Real> largest(p);  // correlation of the noise of feature j with that of any other
  parallel_for(p, p, [&](Index j) {
    const Index below = p - j - 1;
    largest(j) = below == 0 ? Real{0}
                            : c.col(j).tail(below).cwiseProduct(inverse_deviation.tail(below)).cwiseAbs().maxCoeff() *
                                  inverse_deviation(j);
  });
  const Real largest_correlation = largest.maxCoeff();

  // m runs down from degree to 0 while q = degree - m runs up the recurrence M_q = a M_{q-1} + (q - 1) s^2 M_{q-2}; the
  // sum over m is Horner's rule in the correlation, entry by entry.
  Matrix<Real> current = Matrix<Real>::Ones(p, n);
  Matrix<Real> previous = Matrix<Real>::Zero(p, n);
  Matrix<Real>& scaled = moments.sample_means;
  scaled.resize(p, n);
  moments.covariance = Matrix<Real>::Zero(p, p);
  Vector<Real> diagonal = Vector<Real>::Zero(p);
  const Real root_count = std::sqrt(static_cast<Real>(n));
  for (int q = 0; q <= degree; ++q) {
    const int m = degree - q;
    const Real factor = detail::power_term_factor<Real>(degree, m);
    const Vector<Real> row_factor = relative_variance.unaryExpr(
        [m, factor, root_count](Real v) { return factor * integer_power(std::sqrt(v), m) / root_count; });
    parallel_for(n, 6 * p, [&](Index i) {
      if (q > 0) {
        auto now = current.col(i).array();
        auto before = previous.col(i).array();
        before = a.col(i).array() * inverse_scale.array() * now +
                 static_cast<Real>(q - 1) * relative_variance.array() * before;
        now.swap(before);
      }
      scaled.col(i) = row_factor.cwiseProduct(current.col(i));
    });
    if (m == 0) moments.mean.resize(p);
    parallel_for_rows(scaled, [&](Index first, auto rows) {
      if (m == 0) {
        auto mean = moments.mean.segment(first, rows.rows());
        mean = current.middleRows(first, rows.rows()).rowwise().mean();
        rows.colwise() -= mean / root_count;
      }
      diagonal.segment(first, rows.rows()) += rows.rowwise().squaredNorm();
    });
    if (detail::power_term_is_negligible(largest_correlation, m)) continue;
    parallel_for(p, 2 * p, [&](Index j) {
      const Index count = p - j;
      moments.covariance.col(j).tail(count).array() *=
          c.col(j).tail(count).array() * inverse_deviation.tail(count).array() * inverse_deviation(j);
    });
    Algebra::add_multiply_by_transpose(moments.covariance, scaled);
  }
  detail::require<NumericalError>(diagonal.allFinite() && moments.mean.allFinite(), detail::variance_overflows(degree));
  moments.feature_scale = diagonal.cwiseMax(least).cwiseSqrt().cwiseInverse();
  moments.mean = moments.mean.cwiseProduct(moments.feature_scale);
  const Vector<Real> sample_scale = root_count * moments.feature_scale;
  parallel_for(n, p, [&](Index i) { scaled.col(i) = scaled.col(i).cwiseProduct(sample_scale); });
  parallel_for(p, 2 * p, [&](Index j) {
    const Index count = p - j;
    moments.covariance.col(j).tail(count).array() *=
        moments.feature_scale.tail(count).array() * moments.feature_scale(j);
    moments.covariance(j, j) = diagonal(j) * moments.feature_scale(j) * moments.feature_scale(j);
  });
  return moments;
}

#ifdef DIFFARCH_COMPILED
extern template PowerFeatureMoments<double> power_feature_moments(const Matrix<double>&, const Matrix<double>&, int);
#endif

}  // namespace diffarch
