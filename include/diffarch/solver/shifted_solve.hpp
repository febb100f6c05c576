#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace diffarch::detail {

/// Solves (A + shift I) x = b for x, A (n, n) row-major by its lower triangle; false when the matrix is not positive
/// definite. Plain loops: the systems are small, and every program that includes a schedule would compile Eigen's.
[[nodiscard]] inline bool solve_shifted(std::vector<double> a, double shift, std::vector<double>& x) {
  const std::size_t n = x.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j] + (i == j ? shift : 0.0);
      for (std::size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      if (i == j) {
        if (!(sum > 0.0)) return false;
        a[i * n + i] = std::sqrt(sum);
      } else {
        a[i * n + j] = sum / a[j * n + j];
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) x[i] -= a[i * n + k] * x[k];
    x[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) x[i] -= a[k * n + i] * x[k];
    x[i] /= a[i * n + i];
  }
  return true;
}

}  // namespace diffarch::detail
