#pragma once

#include <cmath>

#include "diffarch/core/batch.hpp"

/// The element-by-element arithmetic of polynomials on spectral features, as functors for `Backend::for_each`; see
/// core/elementwise.hpp. Features (k, j) of a sample, k = 2 ... Degree, are rows (k - 2) p + j.
namespace diffarch::detail {

/// Leading modes of the whitened variable: u (rows, n) = diag(inverse_deviation) (scale projected - shift), of
/// projected (modes, n); rows <= modes.
struct Whiten {
  double* u;
  const double* projected;
  const double* shift;
  const double* inverse_deviation;
  double scale;
  Index rows;
  Index modes;
  constexpr void operator()(Index row, Index column) const {
    u[column * rows + row] = inverse_deviation[row] * (scale * projected[column * modes + row] - shift[row]);
  }
};

/// h ((Degree - 1) p, n) = He_k(z) / sqrt(k!) - mean, of z (p, n): a call for each value of z.
template <int Degree>
struct CentredHermite {
  double* h;
  const double* z;
  const double* mean;
  Index p;
  constexpr void operator()(Index j, Index column) const {
    const double at = z[column * p + j];
    double* const values = h + column * (Degree - 1) * p;
    double before = 1.0;
    double value = at;
    for (int k = 1; k < Degree; ++k) {
      // The recurrence of normalised_hermite with one product in the sum.
      const auto order = static_cast<double>(k);
      const double next = std::sqrt(order / (order + 1.0)) * (at / std::sqrt(order) * value - before);
      before = value;
      value = next;
      values[(k - 1) * p + j] = value - mean[(k - 1) * p + j];
    }
  }
};

/// strength (p, n) = sum_k weight_kj h_kj.
template <int Degree>
struct WeightFeatures {
  double* strength;
  const double* h;
  const double* weights;
  Index p;
  constexpr void operator()(Index j, Index column) const {
    const double* const values = h + column * (Degree - 1) * p;
    double sum = 0.0;
    for (int k = 2; k <= Degree; ++k) sum += weights[(k - 2) * p + j] * values[(k - 2) * p + j];
    strength[column * p + j] = sum;
  }
};

/// y (rows, n) += diag(v) x in the leading rows; x (x_rows, n), x_rows <= rows.
struct AddScaledRows {
  double* y;
  const double* x;
  const double* v;
  Index rows;
  Index x_rows;
  constexpr void operator()(Index row, Index column) const {
    y[column * rows + row] += v[row] * x[column * x_rows + row];
  }
};

}  // namespace diffarch::detail
