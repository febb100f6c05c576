#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "diffarch/solver/multi_index.hpp"

namespace diffarch {

/// Products of normalised Hermite polynomials expanded in themselves,
///   he_a he_b = sum_k prod_j C(a_j, k_j) C(b_j, k_j) k_j! sqrt((a_j + b_j - 2 k_j)! / (a_j! b_j!)) he_{a + b - 2k}
/// (Feldheim 1938), for all |a|, |b| <= degree: one list, shared by all noise levels.
class HermiteProducts {
 public:
  /// `moments` are the indices up to 2 * basis.order().
  HermiteProducts(const MultiIndexSet& basis, const MultiIndexSet& moments) : size_(basis.size()) {
    for (Index a = 0; a < size_; ++a)
      for (Index b = 0; b <= a; ++b) {
        MultiIndex k(static_cast<std::size_t>(basis.dimension()), 0);
        add_terms(basis, moments, a, b, 0, k, 1.0L);
      }
  }

  /// The Gram matrix E[he_a(u) he_b(u)] from the Hermite moments E[he_c(u)] of u.
  template <class Real = ExtendedReal>
  [[nodiscard]] Matrix<Real> gram(const std::type_identity_t<Vector<Real>>& hermite_moments) const {
    Matrix<Real> gram = Matrix<Real>::Zero(size_, size_);
    for (const Term& term : terms_) gram(term.a, term.b) += term.coefficient * hermite_moments(term.c);
    gram.template triangularView<Eigen::StrictlyUpper>() = gram.transpose();
    return gram;
  }

 private:
  struct Term {
    Index a, b, c;
    ExtendedReal coefficient;
  };

  void add_terms(const MultiIndexSet& basis, const MultiIndexSet& moments, Index a, Index b, Index dimension,
                 MultiIndex& k, ExtendedReal coefficient) {
    if (dimension == basis.dimension()) {
      MultiIndex c(k.size());
      for (std::size_t j = 0; j < k.size(); ++j) c[j] = basis[a][j] + basis[b][j] - 2 * k[j];
      terms_.push_back({a, b, moments.find(c), coefficient});
      return;
    }
    const auto j = static_cast<std::size_t>(dimension);
    const int m = basis[a][j];
    const int n = basis[b][j];
    ExtendedReal factor = std::sqrt(binomial(m + n, m));  // k = 0: sqrt((m + n)! / (m! n!))
    for (k[j] = 0; k[j] <= std::min(m, n); ++k[j]) {
      add_terms(basis, moments, a, b, dimension + 1, k, coefficient * factor);
      const int i = k[j];
      const int left = m + n - 2 * i;
      // From k to k + 1: (m - k)(n - k) / (k + 1) / sqrt((m + n - 2k)(m + n - 2k - 1)).
      if (i < std::min(m, n))
        factor *= static_cast<ExtendedReal>((m - i) * (n - i)) / static_cast<ExtendedReal>(i + 1) /
                  std::sqrt(static_cast<ExtendedReal>(left * (left - 1)));
    }
    k[j] = 0;
  }

  [[nodiscard]] static ExtendedReal binomial(int n, int k) {
    ExtendedReal value = 1.0L;
    for (int i = 1; i <= k; ++i) value *= static_cast<ExtendedReal>(n - k + i) / static_cast<ExtendedReal>(i);
    return value;
  }

  Index size_;
  std::vector<Term> terms_;
};

}  // namespace diffarch
