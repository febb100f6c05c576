#pragma once

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <utility>

#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/analysis/sample_moments.hpp"
#include "diffarch/core/progress.hpp"
#include "diffarch/solver/gaussian_moments.hpp"
#include "diffarch/solver/linear_algebra.hpp"
#include "diffarch/solver/singular_values.hpp"
#include "diffarch/solver/spectrum_distance.hpp"

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

namespace detail {

/// Makes A, (d, d) or at first (d, 0), a square factor of A A^T + B B^T, B (d, m): R^T of the QR decomposition of
/// (A B)^T, which has at least d rows. No covariance is formed, which would square the rounding.
template <class Real>
void add_to_factor(Matrix<Real>& factor, const Matrix<Real>& more) {
  const SerialEigen serial;  // the same bits whatever the number of threads
  const Index d = more.rows();
  Matrix<Real> rows(factor.cols() + more.cols(), d);
  rows << factor.transpose(), more.transpose();
  const Eigen::HouseholderQR<Matrix<Real>> qr(rows);
  factor = Matrix<Real>(qr.matrixQR().topRows(d).template triangularView<Eigen::Upper>()).transpose();
}

template <class Scalar>
[[nodiscard]] FactoredGaussian<double> factored_gaussian(const Batch<Scalar>& samples,
                                                         const ProgressCallback& callback) {
  require(samples.rows() >= 1 && samples.cols() >= 1, "factored_gaussian: samples ", shape_text(samples),
          "; expected at least one sample of at least one value");
  require_finite_samples("factored_gaussian", "sample", samples);
  const Index d = samples.rows();
  const Index n = samples.cols();
  const double scale = 1.0 / std::sqrt(static_cast<double>(n));
  FactoredGaussian<double> result{sample_mean(samples), Matrix<double>(d, 0)};
  const auto centred = [&](Index first, Index count) {
    return Matrix<double>(scale * (samples.middleCols(first, count).template cast<double>().colwise() - result.mean));
  };
  ProgressReporter progress(callback, "factor of the covariance", n, "samples");
  if (n <= d) {
    result.factor = centred(0, n);
    progress.advance(n);
    return result;
  }
  const Index block = 4 * d;  // more samples at once take more memory, fewer more operations
  for (Index first = 0; first < n; first += block) {
    const Index count = std::min(block, n - first);
    add_to_factor(result.factor, centred(first, count));
    progress.advance(count);
  }
  return result;
}

/// Columns that complete orthonormal columns (k, r) to a basis: (k, k - r).
template <class Real>
[[nodiscard]] Matrix<Real> orthonormal_complement(const Matrix<Real>& columns) {
  const Index k = columns.rows();
  return Eigen::HouseholderQR<Matrix<Real>>(columns).householderQ() *
         Matrix<Real>::Identity(k, k).rightCols(k - columns.cols());
}

/// W2^2 without the means as the sum over the singular triples (s, u, v) of F^T G of |G v - F u|^2. It squares
/// differences, where tr A + tr B - 2 sum s takes the difference of squares, and so keeps its digits between Gaussians
/// that are nearly equal. Triples far below the largest are found from what the larger ones leave.
template <class Real>
[[nodiscard]] Real aligned_distance_squared(Matrix<Real> f, Matrix<Real> g) {
  constexpr double resolved = 1e-4;  // of the largest singular value: vectors of these are orthonormal to 1e-12
  const SerialEigen serial;
  Real squared = 0.0;
  while (f.cols() > 0 && g.cols() > 0) {
    const Index k = f.cols();
    const Index l = g.cols();
    Matrix<Real> symmetric = Matrix<Real>::Zero(k + l, k + l);
    symmetric.bottomLeftCorner(l, k) = LinearAlgebra<Cpu>::multiply_transposed(g, f);
    Matrix<Real> vectors;
    const Vector<Real> values = symmetric_eigenvalues(std::move(symmetric), "bures_distance", &vectors);
    if (!(values(0) > 0.0)) break;
    Index count = 1;
    while (count < std::min(k, l) && values(count) > resolved * values(0)) ++count;
    const Matrix<Real> u = std::sqrt(2.0) * vectors.topLeftCorner(k, count);
    const Matrix<Real> v = std::sqrt(2.0) * vectors.bottomLeftCorner(l, count);
    squared += (g * v - f * u).squaredNorm();
    f = f * orthonormal_complement(u);
    g = g * orthonormal_complement(v);
  }
  return squared + f.squaredNorm() + g.squaredNorm();
}

}  // namespace detail

/// Mean and covariance (divided by n) of samples (d, n), with a factor of min(d, n) columns: the centred samples /
/// sqrt(n) where n <= d, else what a QR decomposition leaves of them. In double. Cost O(n d^2) where n > d.
/// Throws InvalidArgument without samples, or naming one that is not finite.
template <Samples X>
[[nodiscard]] FactoredGaussian<double> factored_gaussian(const X& samples, const ProgressCallback& progress = {}) {
  return detail::factored_gaussian(as_batch(samples), progress);
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

/// W2 of two Gaussians whose covariances have the factors F (d, K) and G (d, L), also singular ones. Its absolute error
/// is below 1e-10 times the square root of the traces: where tr A + tr B - 2 tr(...) would cancel, W2 is the sum of
/// |G v - F u|^2 over the singular vectors u, v of F^T G. Cost O(d K L + (K + L)^3). Throws DimensionMismatch;
/// NumericalError for a mean or a factor that is not finite.
template <class Real>
[[nodiscard]] Real bures_distance(const FactoredGaussian<Real>& a, const FactoredGaussian<Real>& b,
                                  const ProgressCallback& callback = {}) {
  detail::require<DimensionMismatch>(
      a.mean.size() == b.mean.size() && a.factor.rows() == a.mean.size() && b.factor.rows() == b.mean.size(),
      "bures_distance: means (", a.mean.size(), ") and (", b.mean.size(), "), factors ", detail::shape_text(a.factor),
      " and ", detail::shape_text(b.factor));
  detail::require<NumericalError>(
      a.mean.allFinite() && b.mean.allFinite() && a.factor.allFinite() && b.factor.allFinite(),
      "bures_distance: a mean or a factor is not finite");
  ProgressReporter progress(callback, "Bures distance", 2);
  const double traces = a.factor.squaredNorm() + b.factor.squaredNorm();
  double squared = 0.0;
  if (a.factor.cols() > 0 && b.factor.cols() > 0)
    squared = traces - 2.0 * singular_values(LinearAlgebra<Cpu>::multiply_transposed(a.factor, b.factor)).sum();
  else
    squared = traces;
  progress.advance();
  constexpr double cancels = 1e-4;  // at least this share of the traces keeps eleven digits
  if (squared < cancels * traces) squared = detail::aligned_distance_squared(a.factor, b.factor);
  progress.advance();
  return static_cast<Real>(std::sqrt((a.mean - b.mean).squaredNorm() + squared));
}

/// W2 of two Gaussians by their moments, for low dimensions. Throws DimensionMismatch; InvalidArgument when a
/// covariance has a negative eigenvalue beyond rounding.
template <class Scalar>
[[nodiscard]] double bures_distance(const GaussianMoments<Scalar>& a, const GaussianMoments<Scalar>& b) {
  const auto factored = [](const GaussianMoments<Scalar>& moments) {
    const auto eigen = LinearAlgebra<Cpu>::symmetric_eigen(moments.covariance().template cast<double>());
    const double smallest = eigen.values(eigen.values.size() - 1);
    detail::require(smallest >= -1e-6 * std::max(eigen.values(0), 0.0),
                    "bures_distance: a covariance has the eigenvalue ", smallest,
                    "; expected a positive semi-definite matrix");
    return factored_gaussian<double>(moments.mean().template cast<double>(), eigen.vectors, eigen.values.cwiseMax(0.0));
  };
  return bures_distance(factored(a), factored(b));
}

/// W2 of two Gaussians with one mean and one eigenbasis and the variances a and b (K) along it:
/// sqrt(sum (sqrt a - sqrt b)^2). Throws DimensionMismatch; InvalidArgument for a negative or NaN variance.
template <class Real>
[[nodiscard]] Real bures_distance_of_spectra(const Vector<Real>& a, const Vector<Real>& b) {
  detail::require<DimensionMismatch>(a.size() == b.size(), "bures_distance_of_spectra: ", a.size(), " and ", b.size(),
                                     " variances");
  detail::require((a.array() >= Real(0)).all() && (b.array() >= Real(0)).all(),
                  "bures_distance_of_spectra: a variance is negative or NaN; expected at least 0");
  return detail::spectrum_distance(a, b);
}

/// Returns the mean of bures_distance^2 between a Gaussian with the variances lambda (K) and n samples of itself, to
/// first order in 1 / n. It is the bias of every measured distance, and the scale below which a measured distance says
/// nothing:
///   (1 / n) sum_i lambda_i + (1 / 2n) (sum_i lambda_i + sum_{i != j} lambda_i lambda_j / (lambda_i + lambda_j)),
/// the error of the mean and that of the covariance. Good where n is well above the number of modes that matter.
/// O(K^2). Throws InvalidArgument for n < 1 or a negative or NaN variance.
template <class Real>
[[nodiscard]] Real expected_bures_distance_squared(const Vector<Real>& variances, Index n) {
  detail::require(n >= 1, "expected_bures_distance_squared: n = ", n, ", expected at least 1");
  detail::require((variances.array() >= Real(0)).all(),
                  "expected_bures_distance_squared: a variance is negative or NaN; expected at least 0");
  double covariance = 0.0;
  for (Index i = 0; i < variances.size(); ++i)
    for (Index j = 0; j <= i; ++j) {
      const double sum = variances(i) + variances(j);
      if (sum > 0.0) covariance += (i == j ? 1.0 : 2.0 * variances(j) / sum) * variances(i);
    }
  return (variances.sum() + 0.5 * covariance) / static_cast<double>(n);
}

}  // namespace diffarch
