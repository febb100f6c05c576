#pragma once

#include <cmath>

#include "diffarch/solver/multi_index.hpp"

namespace diffarch {

/// Values He_n(u) / sqrt(n!), n = 0 ... order, of the normalised probabilists' Hermite polynomials, to values[n].
/// Recurrence He_{n+1} = u He_n - n He_{n-1} (Abramowitz and Stegun 22.7.14), divided by sqrt((n+1)!).
template <class Real, class Values>
void normalised_hermite(Real u, int order, Values&& values) {
  values[0] = Real(1);
  for (int n = 0; n < order; ++n)
    values[n + 1] = (u * values[n] - (n > 0 ? std::sqrt(static_cast<Real>(n)) * values[n - 1] : Real(0))) /
                    std::sqrt(static_cast<Real>(n + 1));
}

/// Their products He_a(u) / sqrt(a!) for every multi-index, orthonormal for u ~ N(0, I), to `values` (indices.size()).
template <class Real>
void normalised_hermite(const MultiIndexSet& indices, const Vector<Real>& u, Vector<Real>& values) {
  Matrix<Real> table(indices.order() + 1, indices.dimension());
  for (Index j = 0; j < indices.dimension(); ++j) normalised_hermite(u(j), indices.order(), table.col(j).data());
  for (Index i = 0; i < indices.size(); ++i) {
    Real product(1);
    for (Index j = 0; j < indices.dimension(); ++j) product *= table(indices[i][static_cast<std::size_t>(j)], j);
    values(i) = product;
  }
}

}  // namespace diffarch
