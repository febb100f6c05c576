#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "diffarch/solver/host_algebra.hpp"

namespace diffarch {

/// First two moments, over samples and noise, of the features He_k(a_j + noise_j) / sqrt(k!), k = 2 ... degree, j = 1
/// ... p. Feature (k, j) is row (k - 2) p + j.
template <class Real>
struct HermiteFeatureMoments {
  std::vector<Matrix<Real>> orders;  ///< orders[q] (p, n): E[He_q(a_j + noise_j) | sample], q = 0 ... degree
  Vector<Real> mean;                 ///< ((degree - 1) p)
  Matrix<Real> covariance;           ///< ((degree - 1) p, (degree - 1) p)
};

/// Exact moments of Hermite polynomials of noisy projections: a_ji (p, n) for sample i plus Gaussian noise of
/// covariance C (p, p). With v_j = 1 - C_jj, heat flow takes He_q(a) to H_q(a; v): H_{q+1} = a H_q - q v H_{q-1}, and
///   E[He_k(i) He_l(j) | a] = sum_m C_ij^m / m! k! / (k - m)! l! / (l - m)! H_{k-m}(a_i; v_i) H_{l-m}(a_j; v_j),
/// as for powers (power_feature_moments). Averaged over samples by one product of (degree p, n) with its transpose, by
/// the backend.
template <class BackendType = Cpu, class Real>
[[nodiscard]] HermiteFeatureMoments<Real> hermite_feature_moments(const Matrix<Real>& a,
                                                                  const std::type_identity_t<Matrix<Real>>& c,
                                                                  int degree) {
  const Index p = a.rows();
  const Index n = a.cols();
  const auto count = static_cast<Real>(n);
  HermiteFeatureMoments<Real> moments;
  moments.orders.assign(1, Matrix<Real>::Ones(p, n));
  moments.orders.push_back(a);
  const Vector<Real> v = Real{1} - c.diagonal().array();
  for (int q = 1; q < degree; ++q) {
    const auto& current = moments.orders[static_cast<std::size_t>(q)];
    const auto& previous = moments.orders[static_cast<std::size_t>(q - 1)];
    moments.orders.emplace_back(a.cwiseProduct(current) - (static_cast<Real>(q) * v).asDiagonal() * previous);
  }
  Matrix<Real> stacked(degree * p, n);
  for (int q = 1; q <= degree; ++q) stacked.middleRows((q - 1) * p, p) = moments.orders[static_cast<std::size_t>(q)];
  const Vector<Real> means = stacked.rowwise().mean();
  const Matrix<Real> second = HostAlgebra<BackendType>::multiply_by_transpose(stacked) / count;
  // E over samples of H_q(i) H_r(j).
  const auto product = [&](int q, int r, Index i, Index j) {
    if (q == 0 && r == 0) return Real{1};
    if (q == 0) return means((r - 1) * p + j);
    if (r == 0) return means((q - 1) * p + i);
    return second((q - 1) * p + i, (r - 1) * p + j);
  };
  const auto falling = [](int k, int m) {  // k! / (k - m)!
    Real value{1};
    for (int i = 0; i < m; ++i) value *= static_cast<Real>(k - i);
    return value;
  };
  const Index size = (degree - 1) * p;
  moments.mean.resize(size);
  for (int k = 2; k <= degree; ++k)
    moments.mean.segment((k - 2) * p, p) = means.segment((k - 1) * p, p) / std::sqrt(falling(k, k));
  moments.covariance.resize(size, size);
  for (int k = 2; k <= degree; ++k)
    for (int l = 2; l <= degree; ++l) {
      const Real norm = 1 / std::sqrt(falling(k, k) * falling(l, l));
      parallel_for(p, 8 * p, [&](Index j) {
        for (Index i = 0; i < p; ++i) {
          Real sum{0};
          Real power{1};  // C^m / m!
          for (int m = 0; m <= std::min(k, l); ++m) {
            sum += power * falling(k, m) * falling(l, m) * product(k - m, l - m, i, j);
            power *= c(i, j) / static_cast<Real>(m + 1);
          }
          moments.covariance((k - 2) * p + i, (l - 2) * p + j) =
              norm * sum - moments.mean((k - 2) * p + i) * moments.mean((l - 2) * p + j);
        }
      });
    }
  return moments;
}

#ifdef DIFFARCH_COMPILED
extern template HermiteFeatureMoments<double> hermite_feature_moments<Cpu>(const Matrix<double>&, const Matrix<double>&,
                                                                           int);
#endif

}  // namespace diffarch
