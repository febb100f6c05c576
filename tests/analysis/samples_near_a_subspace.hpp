#pragma once

#include "support.hpp"

namespace diffarch::test {

/// Samples (d, n) near a subspace of ten dimensions, as images are: what the search by a subspace is for.
template <class Scalar>
Batch<Scalar> samples_near_a_subspace(Index d, Index n, unsigned seed) {
  return (3.0 * random_matrix(d, 10, 77) * random_matrix(10, n, seed) + random_matrix(d, n, seed + 1))
      .template cast<Scalar>();
}

}  // namespace diffarch::test
