#pragma once

#include <cmath>

#include "diffarch/solver/multi_index.hpp"

namespace diffarch {

/// He_{n+1}(u) / sqrt((n+1)!) of the normalised probabilists' Hermite polynomials from the values of orders n and n -
/// 1: He_{n+1} = u He_n - n He_{n-1} (Abramowitz and Stegun 22.7.14), divided by sqrt((n+1)!).
template <class Real>
[[nodiscard]] constexpr Real next_normalised_hermite(Real u, int n, Real value, Real before) {
  return (u * value - (n > 0 ? std::sqrt(static_cast<Real>(n)) * before : Real(0))) /
         std::sqrt(static_cast<Real>(n + 1));
}

/// Values He_n(u) / sqrt(n!), n = 0 ... order, to values[n].
template <class Real, class Values>
void normalised_hermite(Real u, int order, Values&& values) {
  values[0] = Real(1);
  for (int n = 0; n < order; ++n)
    values[n + 1] = next_normalised_hermite<Real>(u, n, values[n], n > 0 ? values[n - 1] : Real(0));
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
