#pragma once

#include <cmath>

#include "diffarch/solver/multi_index.hpp"

namespace diffarch {

/// Values He_a(u) / sqrt(a!) of the normalised probabilists' Hermite polynomials of every multi-index: orthonormal for
/// u ~ N(0, I). Writes to `values` (indices.size()). Recurrence He_{n+1} = u He_n - n He_{n-1} (Abramowitz and Stegun
/// 22.7.14), divided by sqrt((n+1)!).
template <class Real>
void normalised_hermite(const MultiIndexSet& indices, const Vector<Real>& u, Vector<Real>& values) {
  Matrix<Real> table(indices.order() + 1, indices.dimension());
  for (Index j = 0; j < indices.dimension(); ++j) {
    table(0, j) = Real(1);
    for (int n = 0; n < indices.order(); ++n)
      table(n + 1, j) = (u(j) * table(n, j) - (n > 0 ? std::sqrt(static_cast<Real>(n)) * table(n - 1, j) : Real(0))) /
                        std::sqrt(static_cast<Real>(n + 1));
  }
  for (Index i = 0; i < indices.size(); ++i) {
    Real product(1);
    for (Index j = 0; j < indices.dimension(); ++j) product *= table(indices[i][static_cast<std::size_t>(j)], j);
    values(i) = product;
  }
}

}  // namespace diffarch
