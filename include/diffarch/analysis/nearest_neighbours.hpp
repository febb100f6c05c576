#pragma once

#include "diffarch/analysis/neighbour_search.hpp"

namespace diffarch {

/// Exact k nearest neighbours of queries (d, q) among training samples (d, n), ties by the lower index: see
/// NeighbourSearch, which takes the training samples in blocks. Throws InvalidArgument unless 1 <= k <= n or naming the
/// first column that is not finite; DimensionMismatch.
template <class Scalar>
[[nodiscard]] NearestNeighbours nearest_neighbours(const Batch<Scalar>& training, const Batch<Scalar>& queries,
                                                   Index k) {
  detail::require<DimensionMismatch>(queries.rows() == training.rows(), "nearest_neighbours: training samples are ",
                                     detail::shape_text(training), ", queries ", detail::shape_text(queries));
  detail::require(k >= 1 && k <= training.cols(), "nearest_neighbours: k = ", k,
                  ", expected 1 <= k <= ", training.cols(), " (the number of training samples)");
  NeighbourSearch<Scalar> search(queries, k);
  search.add(training, 0);
  return search.result();
}

/// Exact k nearest neighbours of each of n samples (d, n) among the others: a sample is no neighbour of itself, a copy
/// of it at another index is, at distance 0. Throws InvalidArgument unless 1 <= k <= n - 1 or naming the first column
/// that is not finite.
template <class Scalar>
[[nodiscard]] NearestNeighbours nearest_other_neighbours(const Batch<Scalar>& samples, Index k) {
  detail::require(k >= 1 && k < samples.cols(), "nearest_other_neighbours: k = ", k,
                  ", expected 1 <= k <= ", samples.cols() - 1, " (the number of other samples)");
  NeighbourSearch<Scalar> search(samples, k, SelfMatch::excluded);
  search.add(samples, 0);
  return search.result();
}

}  // namespace diffarch
