#pragma once

#include <Eigen/QR>
#include <cmath>
#include <limits>

#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

namespace detail {

template <class Scalar>
[[nodiscard]] Batch<Scalar> match_moments(const Batch<Scalar>& samples, const Vector<double>& mean,
                                          const Matrix<Scalar>& basis, const Vector<double>& mode_variance) {
  const Index n = samples.cols();
  const Index modes = mode_variance.size();
  require<DimensionMismatch>(samples.rows() == mean.size() && basis.rows() == mean.size() && basis.cols() == modes,
                             "match_moments: samples ", shape_text(samples), ", mean (", mean.size(), "), basis ",
                             shape_text(basis), ", variances (", modes, ")");
  require(n >= modes + 1, "match_moments: ", n, " samples cannot have ", modes,
          " modes of given variance; expected at least ", modes + 1);
  require((mode_variance.array() >= 0.0).all() && mode_variance.allFinite() && mean.allFinite() && basis.allFinite(),
          "match_moments: a wanted moment is not finite, or a variance negative");
  require_finite_samples("match_moments", "sample", samples);
  const SerialEigen serial;  // the same bits whatever the number of threads
  const Matrix<Scalar> centred = (samples.template cast<double>().colwise() - mean).template cast<Scalar>();
  // Columns: the constant, then one per mode. Orthonormal to each other after QR, so the modes have mean zero.
  Matrix<double> columns(n, modes + 1);
  columns.col(0).setOnes();
  columns.rightCols(modes) =
      LinearAlgebra<Cpu>::multiply_transposed(basis, centred).transpose().template cast<double>();
  const Eigen::HouseholderQR<Matrix<double>> qr(columns);
  Matrix<double> white = qr.householderQ() * Matrix<double>::Identity(n, modes + 1);
  for (Index mode = 0; mode < modes; ++mode) {
    // Householder QR leaves the sign of each column open; keep each mode on the side the samples were on.
    const double rounding = 16.0 * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
    require(
        mode_variance(mode) == 0.0 ||
            std::abs(qr.matrixQR()(mode + 1, mode + 1)) > rounding * columns.col(mode + 1).norm(),
        "match_moments: the samples do not vary in mode ", mode, " beyond what the modes before it explain (",
        "samples that are equal, or fewer distinct ones than modes), so that nothing can be scaled to a variance of ",
        mode_variance(mode));
    const double sign = qr.matrixQR()(mode + 1, mode + 1) < 0.0 ? -1.0 : 1.0;
    white.col(mode + 1) *= sign * std::sqrt(static_cast<double>(n) * mode_variance(mode));
  }
  const Matrix<Scalar> coordinates = white.rightCols(modes).transpose().template cast<Scalar>();
  Matrix<Scalar> matched = LinearAlgebra<Cpu>::multiply(basis, coordinates);
  matched.colwise() += mean.template cast<Scalar>();
  return matched;
}

}  // namespace detail

/// Whitens samples (d, n) in the span of `basis` (d, K, orthonormal) and recolours them, so that their mean and
/// covariance (divided by n) are, to rounding, `mean` (d) and basis diag(mode_variance) basis^T. What a linear denoiser
/// sees of a distribution is then exactly what the samples have: sampling error in the first two moments is gone.
///
/// Whitening is a QR decomposition of the coordinates, taken in the order of the modes: exact to rounding however
/// ill-conditioned the sample covariance is (n = K + 1 is enough), and leading modes are changed least.
/// Throws DimensionMismatch; InvalidArgument when n < K + 1, when the samples vary in fewer modes than are wanted, for
/// a negative variance, or a value that is not finite.
template <Samples X>
[[nodiscard]] Batch<typename X::Scalar> match_moments(const X& samples, const Vector<double>& mean,
                                                      const Matrix<typename X::Scalar>& basis,
                                                      const Vector<double>& mode_variance) {
  return detail::match_moments(as_batch(samples), mean, basis, mode_variance);
}

#ifdef DIFFARCH_COMPILED
extern template Batch<float> detail::match_moments(const Batch<float>&, const Vector<double>&, const Matrix<float>&,
                                                   const Vector<double>&);
extern template Batch<double> detail::match_moments(const Batch<double>&, const Vector<double>&, const Matrix<double>&,
                                                    const Vector<double>&);
#endif

}  // namespace diffarch
