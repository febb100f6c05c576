#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/solver/shifted_solve.hpp"

namespace diffarch::detail {

/// |r|^2; infinity for no values, by which a function of residuals says that it is not defined at a point, and where a
/// value is not finite.
[[nodiscard]] inline double sum_of_squares(const std::vector<double>& residuals) {
  double sum = residuals.empty() ? std::numeric_limits<double>::infinity() : 0.0;
  for (const double value : residuals) sum += value * value;
  return std::isfinite(sum) ? sum : std::numeric_limits<double>::infinity();
}

/// J^T r and J^T J (row-major, lower triangle) of residuals r at x, with J by central differences.
template <class Residuals>
void normal_equations(const Residuals& residuals, const std::vector<double>& r, std::vector<double> x,
                      std::vector<double>& gradient, std::vector<double>& products) {
  constexpr double step = 1e-6;  // rounding of r and the third derivative of r both cost about 1e-10
  const std::size_t n = x.size();
  std::vector<std::vector<double>> columns;
  for (std::size_t k = 0; k < n; ++k) {
    const double middle = x[k];
    x[k] = middle + step;
    std::vector<double> column = residuals(std::as_const(x));
    x[k] = middle - step;
    const std::vector<double> lower = residuals(std::as_const(x));
    x[k] = middle;
    // r may be undefined on one side: x then stays where it is in this direction.
    if (column.size() != r.size() || lower.size() != r.size()) column.assign(r.size(), 0.0);
    for (std::size_t i = 0; i < lower.size(); ++i) column[i] = (column[i] - lower[i]) / (2.0 * step);
    columns.push_back(std::move(column));
  }
  gradient.assign(n, 0.0);
  products.assign(n * n, 0.0);
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < r.size(); ++i) gradient[k] += columns[k][i] * r[i];
    for (std::size_t l = 0; l <= k; ++l)
      for (std::size_t i = 0; i < r.size(); ++i) products[k * n + l] += columns[k][i] * columns[l][i];
  }
}

/// Moves x to a local minimum of |r(x)|^2 by the method of Levenberg (1944) and Marquardt (1963), and returns the
/// minimum. `residuals(x)` returns r, as many values for every x, or none where r is not defined. Moves are limited to
/// 1 in every element: x should be of the order 1, as logarithms are. Cost: 2 n evaluations of r a step.
template <class Residuals>
double minimise_squares(const Residuals& residuals, std::vector<double>& x, int largest_number_of_steps = 60) {
  constexpr double smallest_gain = 1e-7;    // of one step, relative
  constexpr double negligible = 1e-26;      // relative to the start
  constexpr double largest_damping = 1e12;  // relative to the largest diagonal element of J^T J
  std::vector<double> r = residuals(std::as_const(x));
  double value = sum_of_squares(r);
  const double small_enough = negligible * value;
  double damping = 1e-3;
  std::vector<double> gradient;
  std::vector<double> products;
  for (int step = 0; step < largest_number_of_steps && value > small_enough && std::isfinite(value) && !x.empty();
       ++step) {
    normal_equations(residuals, r, x, gradient, products);
    double largest = 0.0;
    for (std::size_t k = 0; k < x.size(); ++k) largest = std::max(largest, products[k * x.size() + k]);
    const double before = value;
    while (value == before && damping <= largest_damping) {
      std::vector<double> move = gradient;
      std::vector<double> candidate = x;
      std::vector<double> candidate_r;
      if (solve_shifted(products, damping * largest, move)) {
        double longest = 1.0;
        for (const double element : move) longest = std::max(longest, std::abs(element));
        for (std::size_t k = 0; k < x.size(); ++k) candidate[k] -= move[k] / longest;
        candidate_r = residuals(std::as_const(candidate));
      }
      if (const double found = sum_of_squares(candidate_r); found < value) {
        value = found;
        x = std::move(candidate);
        r = std::move(candidate_r);
        damping = std::max(0.2 * damping, 1e-14);
      } else {
        damping *= 4.0;
      }
    }
    if (!(value < before * (1.0 - smallest_gain))) break;
  }
  return value;
}

}  // namespace diffarch::detail
