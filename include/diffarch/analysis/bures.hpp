#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "diffarch/analysis/sample_moments.hpp"
#include "diffarch/solver/gaussian_moments.hpp"
#include "diffarch/solver/linear_algebra.hpp"
#include "diffarch/solver/singular_values.hpp"

namespace diffarch {

// The 2-Wasserstein distance of Gaussians, also called Bures distance (Dowson and Landau 1982; Bhatia, Jain and Lim
// 2019), in the unit of the samples:
//   W2^2 = |mu_a - mu_b|^2 + tr A + tr B - 2 tr (A^(1/2) B A^(1/2))^(1/2).
// With factors A = F F^T and B = G G^T the last trace is the sum of the singular values of F^T G, so that nothing of
// size (d, d) is needed when covariances have low rank, and singular ones are as good as others.

/// A Gaussian by its mean (d) and a factor F (d, K) of its covariance F F^T.
template <class Real = double>
struct FactoredGaussian {
  Vector<Real> mean;
  Matrix<Real> factor;
};

/// Mean and covariance (divided by n) of samples (d, n), the factor being the centred samples / sqrt(n). In double.
/// Throws InvalidArgument without samples, or for one that is not finite.
template <class Scalar>
[[nodiscard]] FactoredGaussian<double> factored_gaussian(const Batch<Scalar>& samples) {
  for (Index column = 0; column < samples.cols(); ++column)
    detail::require(samples.col(column).allFinite(), "factored_gaussian: sample ", column, " is not finite");
  FactoredGaussian<double> result{sample_mean(samples), samples.template cast<double>()};
  result.factor.colwise() -= result.mean;
  result.factor /= std::sqrt(static_cast<double>(samples.cols()));
  return result;
}

/// N(mean, U diag(variances) U^T) with orthonormal columns U (d, K): a model of the linear family, or what it generates
/// (`PredictedGaussian`). Throws DimensionMismatch; InvalidArgument for a negative or NaN variance.
template <class Scalar>
[[nodiscard]] FactoredGaussian<double> factored_gaussian(Vector<double> mean, const Matrix<Scalar>& basis,
                                                         const Vector<double>& variances) {
  detail::require<DimensionMismatch>(basis.rows() == mean.size() && basis.cols() == variances.size(),
                                     "factored_gaussian: mean (", mean.size(), "), basis ", detail::shape_text(basis),
                                     ", variances (", variances.size(), ")");
  for (Index mode = 0; mode < variances.size(); ++mode)
    detail::require(variances(mode) >= 0.0, "factored_gaussian: variance ", mode, " is ", variances(mode),
                    "; expected at least 0");
  return {std::move(mean), basis.template cast<double>() * variances.cwiseSqrt().asDiagonal()};
}

/// W2 of two Gaussians whose covariances have the factors F (d, K) and G (d, L). Exact to rounding for singular
/// covariances too: W2^2 has an absolute error of a few eps times the traces, so equal Gaussians are apart by about
/// sqrt(eps tr). Cost O(d K L + (K + L)^3). Throws DimensionMismatch.
template <class Real>
[[nodiscard]] Real bures_distance(const FactoredGaussian<Real>& a, const FactoredGaussian<Real>& b) {
  detail::require<DimensionMismatch>(
      a.mean.size() == b.mean.size() && a.factor.rows() == a.mean.size() && b.factor.rows() == b.mean.size(),
      "bures_distance: means (", a.mean.size(), ") and (", b.mean.size(), "), factors ", detail::shape_text(a.factor),
      " and ", detail::shape_text(b.factor));
  const Vector<double> overlap = singular_values(LinearAlgebra<Cpu>::multiply_transposed(a.factor, b.factor));
  const double squared =
      (a.mean - b.mean).squaredNorm() + a.factor.squaredNorm() + b.factor.squaredNorm() - 2.0 * overlap.sum();
  return std::sqrt(std::max(0.0, squared));
}

/// W2 of two Gaussians by their moments, for low dimensions. Throws DimensionMismatch; InvalidArgument when a
/// covariance has a negative eigenvalue beyond rounding.
template <class Scalar>
[[nodiscard]] double bures_distance(const GaussianMoments<Scalar>& a, const GaussianMoments<Scalar>& b) {
  const auto factored = [](const GaussianMoments<Scalar>& moments) {
    const auto eigen = LinearAlgebra<Cpu>::symmetric_eigen(moments.covariance().template cast<double>());
    const double smallest = eigen.values(eigen.values.size() - 1);
    detail::require(smallest >= -1e-6 * std::max(eigen.values(0), 0.0),
                    "bures_distance: a covariance has the "
                    "eigenvalue ",
                    smallest, "; expected a positive semi-definite matrix");
    return factored_gaussian<double>(moments.mean().template cast<double>(), eigen.vectors, eigen.values.cwiseMax(0.0));
  };
  return bures_distance(factored(a), factored(b));
}

/// W2 of two Gaussians with one mean and one eigenbasis and the variances a and b (K) along it:
/// sqrt(sum (sqrt a - sqrt b)^2). Throws DimensionMismatch.
template <class Real>
[[nodiscard]] Real bures_distance_of_spectra(const Vector<Real>& a, const Vector<Real>& b) {
  detail::require<DimensionMismatch>(a.size() == b.size(), "bures_distance_of_spectra: ", a.size(), " and ", b.size(),
                                     " variances");
  return (a.cwiseSqrt() - b.cwiseSqrt()).norm();
}

/// What bures_distance^2 between a Gaussian with the variances lambda (K) and n samples of itself is on average, to
/// first order in 1 / n: the bias of every measured distance, and the scale below which one says nothing,
///   (1 / n) sum_i lambda_i + (1 / 2n) (sum_i lambda_i + sum_{i != j} lambda_i lambda_j / (lambda_i + lambda_j)),
/// the error of the mean and that of the covariance. Good where n is well above the number of modes that matter.
/// O(K^2). Throws InvalidArgument for n < 1 or a negative variance.
template <class Real>
[[nodiscard]] Real expected_bures_distance_squared(const Vector<Real>& variances, Index n) {
  detail::require(n >= 1, "expected_bures_distance_squared: n = ", n, ", expected at least 1");
  detail::require(variances.size() == 0 || variances.minCoeff() >= 0.0,
                  "expected_bures_distance_squared: a variance is negative");
  double covariance = 0.0;
  for (Index i = 0; i < variances.size(); ++i)
    for (Index j = 0; j <= i; ++j) {
      const double sum = variances(i) + variances(j);
      if (sum > 0.0) covariance += (i == j ? 1.0 : 2.0 * variances(j) / sum) * variances(i);
    }
  return (variances.sum() + 0.5 * covariance) / static_cast<double>(n);
}

}  // namespace diffarch
