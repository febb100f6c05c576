#pragma once

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "diffarch/core/progress.hpp"
#include "diffarch/solver/hermite.hpp"
#include "diffarch/solver/moment_table.hpp"
#include "diffarch/solver/principal_components.hpp"

namespace diffarch {

/// A few of the points of a distribution, weighted: `MomentTable::from_weighted(points, weights, order)`.
template <class Scalar>
struct MomentCoreset {
  std::vector<Index> indices;  ///< increasing columns of the distribution's points
  Batch<Scalar> points;        ///< these columns, (d, m)
  Vector<double> weights;      ///< (m): > 0, sum 1
};

namespace detail {

/// Moves the weights (s) along the null space of the features (m, s), s > m, until at least s - m of them are zero: the
/// sums features * weights do not change, and no weight becomes negative.
template <class Real>
void remove_points(const Matrix<Real>& features, Vector<Real>& weights) {
  const Index s = features.cols();
  const Index m = features.rows();
  const Eigen::HouseholderQR<Matrix<Real>> qr(features.transpose());
  Matrix<Real> null_space = qr.householderQ() * Matrix<Real>::Identity(s, s).rightCols(s - m);
  for (Index column = 0; column < s - m; ++column) {
    Vector<Real> direction = null_space.col(column);
    // Either sign would do; this one has the larger pivots to choose from.
    if (direction.maxCoeff() < -direction.minCoeff()) direction = -direction;
    Index first_zero = -1;
    Real step = std::numeric_limits<Real>::infinity();
    for (Index i = 0; i < s; ++i)
      if (direction(i) > Real(0) && weights(i) < step * direction(i)) {
        step = weights(i) / direction(i);
        first_zero = i;
      }
    if (first_zero < 0) continue;  // a direction that is zero to rounding: the features have a lower rank
    weights = (weights - step * direction).cwiseMax(Real(0));
    weights(first_zero) = Real(0);
    // A point that is removed stays removed, exactly.
    for (Index other = column + 1; other < s - m; ++other)
      null_space.col(other) -= null_space(first_zero, other) / direction(first_zero) * direction;
    null_space.row(first_zero).setZero();
  }
}

template <class Scalar>
[[nodiscard]] MomentCoreset<Scalar> moment_coreset(const Batch<Scalar>& points, const Vector<double>& weights,
                                                   int order, const ProgressCallback& callback) {
  const ExtendedReal sum = checked_weight_sum("moment_coreset", points.cols(), weights);
  require_finite_points("moment_coreset", points);
  const auto modes = principal_components<Cpu>(Batch<double>(points.template cast<double>()));
  require(modes.eigenvalues.size() >= 1, "moment_coreset: the points have no variance");
  const MultiIndexSet basis(modes.eigenvalues.size(), order);
  const Matrix<ExtendedReal> whiten =
      modes.eigenvalues.template cast<ExtendedReal>().cwiseSqrt().cwiseInverse().asDiagonal() *
      modes.basis.transpose().template cast<ExtendedReal>();
  const Vector<ExtendedReal> mean = modes.mean.template cast<ExtendedReal>();
  const auto features_of = [&](Index point) {
    Vector<ExtendedReal> values(basis.size());
    normalised_hermite(basis, Vector<ExtendedReal>(whiten * (points.col(point).template cast<ExtendedReal>() - mean)),
                       values);
    return values;
  };

  std::vector<Index> kept;
  std::vector<ExtendedReal> kept_weights;
  ProgressReporter progress(callback, "moment coreset", points.cols(), "points");
  for (Index next = 0; next < points.cols();) {
    const Index first = next;
    // A block has the points that are left, and as many new ones.
    const Index block = std::max<Index>(basis.size(), 1);
    for (const Index end = std::min(points.cols(), next + block); next < end; ++next)
      if (weights(next) > 0.0) {
        kept.push_back(next);
        kept_weights.push_back(static_cast<ExtendedReal>(weights(next)) / sum);
      }
    progress.advance(next - first);
    const auto count = static_cast<Index>(kept.size());
    if (count <= basis.size()) continue;
    Matrix<ExtendedReal> features(basis.size(), count);
    for (Index i = 0; i < count; ++i) features.col(i) = features_of(kept[static_cast<std::size_t>(i)]);
    Vector<ExtendedReal> moved = Eigen::Map<const Vector<ExtendedReal>>(kept_weights.data(), count);
    remove_points(features, moved);
    std::vector<Index> left;
    kept_weights.clear();
    for (Index i = 0; i < count; ++i)
      if (moved(i) > ExtendedReal(0)) {
        left.push_back(kept[static_cast<std::size_t>(i)]);
        kept_weights.push_back(moved(i));
      }
    kept = std::move(left);
  }

  MomentCoreset<Scalar> coreset{kept, points(Eigen::all, kept), Vector<double>(static_cast<Index>(kept.size()))};
  for (std::size_t i = 0; i < kept.size(); ++i)
    coreset.weights(static_cast<Index>(i)) = static_cast<double>(kept_weights[i]);
  return coreset;
}

}  // namespace detail

/// Reweights at most binomial(k + order, order) of n points so that all moments up to `order` are those of the given
/// weights (n; >= 0, with sum 1 up to rounding, which grows with n), k <= d the dimension of the points' span
/// (Tchakaloff's theorem, by Caratheodory's reduction in blocks; Bayer and Teichmann 2006, Maalouf, Jubran and Feldman
/// 2019). To a polynomial denoiser of half that degree the few weighted points are the whole data set (paper, Theorem
/// 5): the same denoiser at every noise level. Works on Hermite polynomials of the whitened points, in extended
/// precision: moments agree to rounding. Cost O(n m^2) for m moments. Throws DimensionMismatch; InvalidArgument for
/// other weights, no points, one that is not finite, points without variance, or more than 2^20 moments.
template <Samples X>
[[nodiscard]] MomentCoreset<typename X::Scalar> moment_coreset(const X& points, const Vector<double>& weights,
                                                               int order, const ProgressCallback& progress = {}) {
  return detail::moment_coreset(as_batch(points), weights, order, progress);
}

/// Reweights points of equal weight, such as a training set. Throws like the other overload.
template <Samples X>
[[nodiscard]] MomentCoreset<typename X::Scalar> moment_coreset(const X& points, int order,
                                                               const ProgressCallback& progress = {}) {
  const Batch<typename X::Scalar>& batch = as_batch(points);
  const Index n = batch.cols();
  detail::require(n >= 1, "moment_coreset: no points");
  return detail::moment_coreset(batch, Vector<double>(Vector<double>::Constant(n, 1.0 / static_cast<double>(n))), order,
                                progress);
}

}  // namespace diffarch
