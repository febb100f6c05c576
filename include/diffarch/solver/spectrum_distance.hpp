#pragma once

#include "diffarch/core/batch.hpp"

namespace diffarch::detail {

/// W2 of two Gaussians with one mean and one eigenbasis and the variances a and b (K), all >= 0, along it: the root of
/// sum (sqrt(a_i) - sqrt(b_i))^2.
template <class Real>
[[nodiscard]] Real spectrum_distance(const Vector<Real>& a, const Vector<Real>& b) {
  return (a.cwiseSqrt() - b.cwiseSqrt()).norm();
}

}  // namespace diffarch::detail
