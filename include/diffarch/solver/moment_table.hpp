#pragma once

#include <cmath>
#include <utility>

#include "diffarch/solver/multi_index.hpp"

namespace diffarch {

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

  /// The empirical moments (1/n) sum x^a of samples (d, n).
  [[nodiscard]] static MomentTable from_samples(const Batch<Scalar>& samples, int order) {
    detail::require(samples.cols() >= 1, "MomentTable: no samples");
    return from_weighted(samples, Vector<double>::Constant(samples.cols(), 1.0 / static_cast<double>(samples.cols())),
                         order);
  }

  /// The moments sum_i w_i x_i^a of weighted points (d, n): a quadrature rule, a coreset. `weights` (n) sum to 1.
  [[nodiscard]] static MomentTable from_weighted(const Batch<Scalar>& points, const Vector<double>& weights,
                                                 int order) {
    detail::require<DimensionMismatch>(points.cols() == weights.size(), "MomentTable: ", weights.size(),
                                       " weights for points ", detail::shape_text(points));
    constexpr double rounding = 1e-12;
    detail::require(weights.minCoeff() >= 0.0 && std::abs(weights.sum() - 1.0) <= rounding,
                    "MomentTable: the weights sum to ", weights.sum(), ", the least is ", weights.minCoeff(),
                    "; expected weights >= 0 with sum 1");
    MultiIndexSet indices(points.rows(), order);
    Vector<ExtendedReal> sums = Vector<ExtendedReal>::Zero(indices.size());
    Vector<ExtendedReal> monomials(indices.size());
    for (Index point = 0; point < points.cols(); ++point) {
      monomials(0) = 1.0L;
      for (Index i = 1; i < indices.size(); ++i) {
        const auto& parent = indices.parent(i);
        monomials(i) = monomials(parent.position) * static_cast<ExtendedReal>(points(parent.dimension, point));
      }
      sums += static_cast<ExtendedReal>(weights(point)) * monomials;
    }
    sums(0) = 1.0L;
    return MomentTable(std::move(indices), std::move(sums));
  }

  [[nodiscard]] const MultiIndexSet& indices() const noexcept { return indices_; }
  [[nodiscard]] const Vector<ExtendedReal>& values() const noexcept { return values_; }
  [[nodiscard]] Index dimension() const noexcept { return indices_.dimension(); }
  [[nodiscard]] int order() const noexcept { return indices_.order(); }

 private:
  MultiIndexSet indices_;
  Vector<ExtendedReal> values_;
};

}  // namespace diffarch
