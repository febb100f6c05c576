#pragma once

#include <limits>
#include <type_traits>
#include <vector>

#include "diffarch/solver/host_algebra.hpp"

namespace diffarch {

/// Minimises x^T m x / 2 - b^T x subject to x_i <= 0 for i >= first_bounded, for a positive-definite m (p, p): exactly,
/// by block principal pivoting (Portugal, Judice and Vicente 1994, with Murty's single pivots as the fall-back that
/// makes it finite). One Cholesky factorisation, by the backend, per exchange of the active set, usually fewer than
/// ten. Throws NumericalError when m is not positive definite or no solution is found.
template <class BackendType = Cpu, class Real>
[[nodiscard]] Vector<Real> bounded_least_squares(const Matrix<Real>& m, const std::type_identity_t<Vector<Real>>& b,
                                                 Index first_bounded) {
  const Index size = m.rows();
  std::vector<bool> at_bound(static_cast<std::size_t>(size), false);
  Vector<Real> x(size);
  Vector<Real> gradient(size);
  const auto solve = [&] {
    std::vector<Index> list;
    for (Index i = 0; i < size; ++i)
      if (!at_bound[static_cast<std::size_t>(i)]) list.push_back(i);
    // Not the vector itself, of which Eigen would make a copy each time.
    const Eigen::Map<const Vector<Index>> free(list.data(), static_cast<Index>(list.size()));
    x.setZero();
    if (!list.empty())
      x(free) = HostAlgebra<BackendType>::solve(Matrix<Real>(m(free, free)), Matrix<Real>(b(free))).col(0);
    gradient = m.template selfadjointView<Eigen::Lower>() * x - b;
    gradient(free).setZero();
  };
  // At the solution x_i <= 0 where free, and the gradient is <= 0 where bound: raising x_i above 0 would help.
  const Real rounding = 4096 * std::numeric_limits<Real>::epsilon() * b.cwiseAbs().maxCoeff();
  const auto violations = [&] {
    std::vector<Index> list;
    for (Index i = first_bounded; i < size; ++i)
      if (at_bound[static_cast<std::size_t>(i)] ? gradient(i) > rounding : x(i) > 0.0) list.push_back(i);
    return list;
  };
  constexpr int most_exchanges = 1000;
  int patience = 3;
  std::size_t fewest = static_cast<std::size_t>(size) + 1;
  solve();
  for (int exchange = 0; exchange < most_exchanges; ++exchange) {
    std::vector<Index> wrong = violations();
    if (wrong.empty()) return x;
    if (wrong.size() < fewest) {
      fewest = wrong.size();
      patience = 3;
    } else if (patience > 0) {
      --patience;
    } else {
      wrong = {wrong.back()};
    }
    for (const Index i : wrong) at_bound[static_cast<std::size_t>(i)] = !at_bound[static_cast<std::size_t>(i)];
    solve();
  }
  throw NumericalError("bounded_least_squares: no solution after 1000 exchanges");
}

#ifdef DIFFARCH_COMPILED
extern template Vector<double> bounded_least_squares<Cpu>(const Matrix<double>&, const Vector<double>&, Index);
#endif

}  // namespace diffarch
