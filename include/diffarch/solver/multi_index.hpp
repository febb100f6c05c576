#pragma once

#include <map>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"

namespace diffarch {

/// Moments of high order and the normal equations made of them lose digits by the condition number, which reaches 1e12
/// for degree 11 in the plane: they are kept in the widest type of the machine (64 bits of mantissa on x86).
using ExtendedReal = long double;

/// Exponents of a monomial x_0^a_0 x_1^a_1 ...: one entry per dimension, none negative.
using MultiIndex = std::vector<int>;

/// All multi-indices of a dimension with total degree |a| <= order, in order of degree: the monomials of a complete
/// polynomial basis. There are binomial(dimension + order, order) of them.
class MultiIndexSet {
 public:
  /// Throws InvalidArgument unless dimension >= 1, order >= 0, and the set has at most 2^20 members.
  MultiIndexSet(Index dimension, int order) : dimension_(dimension), order_(order) {
    detail::require(dimension >= 1 && order >= 0, "MultiIndexSet: dimension = ", dimension, ", order = ", order,
                    "; expected dimension >= 1 and order >= 0");
    constexpr double most = 1 << 20;
    double members = 1.0;
    for (int k = 1; k <= order; ++k) members *= static_cast<double>(dimension + k) / k;
    detail::require(members <= most, "MultiIndexSet: polynomials of degree ", order, " in ", dimension,
                    " dimensions have ", members, " monomials; a complete basis is for low dimensions (at most ", most,
                    " monomials)");
    for (int degree = 0; degree <= order; ++degree) {
      MultiIndex index(static_cast<std::size_t>(dimension), 0);
      append(index, 0, degree);
    }
    for (std::size_t i = 0; i < indices_.size(); ++i) positions_.emplace(indices_[i], static_cast<Index>(i));
    parents_.emplace_back();
    for (Index i = 1; i < size(); ++i) {
      Index used = 0;
      while ((*this)[i][static_cast<std::size_t>(used)] == 0) ++used;
      parents_.push_back({neighbour(i, used, -1), used});
    }
  }

  [[nodiscard]] Index dimension() const noexcept { return dimension_; }
  [[nodiscard]] int order() const noexcept { return order_; }
  [[nodiscard]] Index size() const noexcept { return static_cast<Index>(indices_.size()); }
  [[nodiscard]] const MultiIndex& operator[](Index i) const noexcept { return indices_[static_cast<std::size_t>(i)]; }

  /// A member of degree one less, and the dimension whose exponent is one less there: x^a = x^parent * x_dimension.
  struct Parent {
    Index position = 0;
    Index dimension = 0;
  };
  /// Returns the parent of member i. Precondition: i >= 1.
  [[nodiscard]] const Parent& parent(Index i) const noexcept { return parents_[static_cast<std::size_t>(i)]; }

  /// Position of a multi-index, -1 when it is not a member.
  [[nodiscard]] Index find(const MultiIndex& index) const {
    const auto found = positions_.find(index);
    return found == positions_.end() ? -1 : found->second;
  }

  /// Position of index i with `change` added to the exponent of one dimension, -1 when that is not a member.
  [[nodiscard]] Index neighbour(Index i, Index dimension, int change) const {
    MultiIndex index = (*this)[i];
    index[static_cast<std::size_t>(dimension)] += change;
    return find(index);
  }

 private:
  void append(MultiIndex& index, Index position, int left) {
    if (position == dimension_ - 1) {
      index[static_cast<std::size_t>(position)] = left;
      indices_.push_back(index);
      return;
    }
    for (int exponent = left; exponent >= 0; --exponent) {
      index[static_cast<std::size_t>(position)] = exponent;
      append(index, position + 1, left - exponent);
    }
  }

  Index dimension_;
  int order_;
  std::vector<MultiIndex> indices_;
  std::map<MultiIndex, Index> positions_;
  std::vector<Parent> parents_;
};

/// Total degree |a|: the sum of the exponents.
[[nodiscard]] inline int degree_of(const MultiIndex& index) noexcept {
  int degree = 0;
  for (const int exponent : index) degree += exponent;
  return degree;
}

}  // namespace diffarch
