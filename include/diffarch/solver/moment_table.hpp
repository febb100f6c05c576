#pragma once

#include <cmath>
#include <limits>
#include <utility>

#include "diffarch/core/samples.hpp"
#include "diffarch/solver/multi_index.hpp"

namespace diffarch {

namespace detail {

/// The sum of weights (n) that `function` takes, in extended precision. Throws InvalidArgument unless there is a weight
/// for each of at least one point, all are >= 0 and their sum is 1 up to what n additions in double can lose.
inline ExtendedReal checked_weight_sum(const char* function, Index points, const Vector<double>& weights) {
  require<DimensionMismatch>(points == weights.size(), function, ": ", weights.size(), " weights for ", points,
                             " points");
  require(points >= 1, function, ": no points");
  ExtendedReal sum = 0.0L;
  for (Index i = 0; i < weights.size(); ++i) {
    require(weights(i) >= 0.0 && std::isfinite(weights(i)), function, ": weight ", i, " is ", weights(i),
            "; expected finite weights >= 0 with sum 1");
    sum += static_cast<ExtendedReal>(weights(i));
  }
  const double rounding = 1e-12 + 4.0 * std::numeric_limits<double>::epsilon() * static_cast<double>(points);
  require(std::abs(static_cast<double>(sum - 1.0L)) <= rounding, function, ": the weights sum to ",
          static_cast<double>(sum), "; expected weights >= 0 with sum 1");
  return sum;
}

template <class Scalar>
void require_finite_points(const char* function, const Batch<Scalar>& points) {
  for (Index point = 0; point < points.cols(); ++point)
    require(points.col(point).allFinite(), function, ": point ", point, " is not finite");
}

}  // namespace detail

/// The raw moments E[x^a] of a distribution up to a total degree: all that a polynomial denoiser of half that degree
/// can know of its data (paper, Theorem 5). Fitting to a table instead of samples makes that visible in the types. Raw
/// moments about a point far from the mean cancel: subtract the mean first where accuracy matters. Kept in extended
/// precision (see ExtendedReal), which high degrees need.
template <class Scalar_ = double>
class MomentTable {
 public:
  using Scalar = Scalar_;

  /// `values`: one moment per member of `indices`, in its order; values(0) = E[1] = 1.
  /// Throws DimensionMismatch or InvalidArgument when they cannot be moments.
  MomentTable(MultiIndexSet indices, Vector<ExtendedReal> values)
      : indices_(std::move(indices)), values_(std::move(values)) {
    detail::require<DimensionMismatch>(values_.size() == indices_.size(), "MomentTable: ", values_.size(),
                                       " values for ", indices_.size(), " moments up to degree ", indices_.order(),
                                       " in ", indices_.dimension(), " dimensions");
    detail::require(values_.allFinite() && values_(0) == 1.0L,
                    "MomentTable: expected finite moments, the first of them E[1] = 1");
  }

  /// The empirical moments (1/n) sum x^a of samples (d, n). Throws InvalidArgument without samples, or naming one that
  /// is not finite.
  template <SamplesOf<Scalar> X>
  [[nodiscard]] static MomentTable from_samples(const X& samples, int order) {
    const Batch<Scalar>& points = as_batch(samples);
    detail::require(points.cols() >= 1, "MomentTable: no samples");
    return weighted_sums(
        points, [](Index /*point*/) { return 1.0L; }, static_cast<ExtendedReal>(points.cols()), order);
  }

  /// The moments sum_i w_i x_i^a of weighted points (d, n): a quadrature rule, a coreset. `weights` (n) sum to 1 up to
  /// rounding, which grows with n, and are divided by their sum. Throws DimensionMismatch; InvalidArgument without
  /// points, for other weights, or naming a point that is not finite.
  template <SamplesOf<Scalar> X>
  [[nodiscard]] static MomentTable from_weighted(const X& samples, const Vector<double>& weights, int order) {
    const Batch<Scalar>& points = as_batch(samples);
    const ExtendedReal sum = detail::checked_weight_sum("MomentTable", points.cols(), weights);
    return weighted_sums(
        points, [&](Index point) { return static_cast<ExtendedReal>(weights(point)); }, sum, order);
  }

  [[nodiscard]] const MultiIndexSet& indices() const noexcept { return indices_; }
  [[nodiscard]] const Vector<ExtendedReal>& values() const noexcept { return values_; }
  [[nodiscard]] Index dimension() const noexcept { return indices_.dimension(); }
  [[nodiscard]] int order() const noexcept { return indices_.order(); }

 private:
  /// sum_i w(i) x_i^a / sum.
  template <class Weight>
  [[nodiscard]] static MomentTable weighted_sums(const Batch<Scalar>& points, const Weight& weight, ExtendedReal sum,
                                                 int order) {
    detail::require_finite_points("MomentTable", points);
    MultiIndexSet indices(points.rows(), order);
    Vector<ExtendedReal> sums = Vector<ExtendedReal>::Zero(indices.size());
    Vector<ExtendedReal> monomials(indices.size());
    for (Index point = 0; point < points.cols(); ++point) {
      monomials(0) = 1.0L;
      for (Index i = 1; i < indices.size(); ++i) {
        const auto& parent = indices.parent(i);
        monomials(i) = monomials(parent.position) * static_cast<ExtendedReal>(points(parent.dimension, point));
      }
      sums += weight(point) * monomials;
    }
    sums /= sum;
    sums(0) = 1.0L;
    return MomentTable(std::move(indices), std::move(sums));
  }

  MultiIndexSet indices_;
  Vector<ExtendedReal> values_;
};

}  // namespace diffarch
