#pragma once

#include <algorithm>
#include <limits>

#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

/// The Gaussian x | m, given a measurement m = H x + N(0, deviation^2 I) of k numbers of x ~ N(mean, C).
template <class Real>
struct ConditionalGaussian {
  Matrix<Real> gain;        ///< K (d, k): E[x | m] = mean + K (m - H mean)
  Matrix<Real> covariance;  ///< Cov[x | m], (d, d)
  Matrix<Real> factor;      ///< lower L with L L^T = H C H^T + deviation^2 I, the covariance of m, (k, k)
};

namespace detail {

/// The factor L of the covariance of measured numbers. Throws InvalidArgument where it is singular to rounding: of the
/// variance of some number no more than rounding is left when the numbers before it are known.
template <class Real>
[[nodiscard]] Matrix<Real> measurement_factor(const Matrix<Real>& covariance, Index dimension) {
  const Real rounding =
      Real(16) * static_cast<Real>(std::max(covariance.rows(), dimension)) * std::numeric_limits<Real>::epsilon();
  Matrix<Real> factor;
  bool is_regular = true;
  try {
    factor = LinearAlgebra<Cpu>::cholesky(covariance);
    is_regular = (factor.diagonal().array().square() > rounding * covariance.diagonal().array()).all();
  } catch (const NumericalError&) {
    is_regular = false;
  }
  require(is_regular, "measurement: one of the ", covariance.rows(),
          " numbers is constant or known from the others; expected numbers of variances of their own, or a deviation "
          "above rounding");
  return factor;
}

}  // namespace detail

/// Conditions a Gaussian of covariance C (d, d), which may be singular, on a linear measurement, H (k, d):
///   K = C H^T (H C H^T + deviation^2 I)^-1,  Cov[x | m] = (I - K H) C (I - K H)^T + deviation^2 K K^T
/// (Anderson and Moore 1979, "Optimal Filtering", section 3.1; the covariance in the form of Bucy and Joseph 1968,
/// which rounding leaves positive). Cost O(k d^2 + d k^2 + k^3 + d^3). Throws InvalidArgument where the covariance of
/// the numbers is singular to rounding, as of exact numbers that depend on each other.
template <class Real>
[[nodiscard]] ConditionalGaussian<Real> condition_gaussian(const Matrix<Real>& c, const Matrix<Real>& h,
                                                           double deviation) {
  using Algebra = LinearAlgebra<Cpu>;
  const Index d = c.rows();
  const Real noise = static_cast<Real>(deviation * deviation);
  const Matrix<Real> cross = Algebra::multiply(h, c);  // H C
  Matrix<Real> of_numbers = Algebra::multiply(cross, Matrix<Real>(h.transpose()));
  of_numbers.diagonal().array() += noise;
  ConditionalGaussian<Real> result;
  result.factor = detail::measurement_factor(of_numbers, d);
  result.gain = Algebra::cholesky_solve(result.factor, cross).transpose();
  const Matrix<Real> left = Matrix<Real>::Identity(d, d) - Algebra::multiply(result.gain, h);
  const Matrix<Real> kept = Algebra::multiply(left, c);
  result.covariance =
      Algebra::multiply(kept, Matrix<Real>(left.transpose())) + noise * Algebra::multiply_by_transpose(result.gain);
  result.covariance = Matrix<Real>(Real(0.5) * (result.covariance + result.covariance.transpose()));
  return result;
}

}  // namespace diffarch
