#pragma once

#include "diffarch/analysis/neighbour_search.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

namespace detail {

template <class Scalar>
[[nodiscard]] NearestNeighbours nearest_neighbours(const Batch<Scalar>& training, const Batch<Scalar>& queries, Index k,
                                                   const ProgressCallback& progress) {
  require<DimensionMismatch>(queries.rows() == training.rows(), "nearest_neighbours: training samples are ",
                             shape_text(training), ", queries ", shape_text(queries));
  require(k >= 1 && k <= training.cols(), "nearest_neighbours: k = ", k, ", expected 1 <= k <= ", training.cols(),
          " (the number of training samples)");
  NeighbourSearch<Scalar> search(queries, k);
  search.add(training, 0, progress);
  return search.result();
}

template <class Scalar>
[[nodiscard]] NearestNeighbours nearest_other_neighbours(const Batch<Scalar>& samples, Index k,
                                                         const ProgressCallback& progress) {
  require(k >= 1 && k < samples.cols(), "nearest_other_neighbours: k = ", k,
          ", expected 1 <= k <= ", samples.cols() - 1, " (the number of other samples)");
  NeighbourSearch<Scalar> search(samples, k, SelfMatch::excluded);
  search.add(samples, 0, progress);
  return search.result();
}

}  // namespace detail

/// Exact k nearest neighbours of queries (d, q) among training samples (d, n), ties by the lower index: see
/// NeighbourSearch, which takes the training samples in blocks. Throws InvalidArgument unless 1 <= k <= n or naming the
/// first column that is not finite; DimensionMismatch.
template <Samples Training, SamplesOf<typename Training::Scalar> Queries>
[[nodiscard]] NearestNeighbours nearest_neighbours(const Training& training, const Queries& queries, Index k,
                                                   const ProgressCallback& progress = {}) {
  return detail::nearest_neighbours(as_batch(training), as_batch(queries), k, progress);
}

/// Exact k nearest neighbours of each of n samples (d, n) among the others: a sample is no neighbour of itself, a copy
/// of it at another index is, at distance 0. Throws InvalidArgument unless 1 <= k <= n - 1 or naming the first column
/// that is not finite.
template <Samples X>
[[nodiscard]] NearestNeighbours nearest_other_neighbours(const X& samples, Index k,
                                                         const ProgressCallback& progress = {}) {
  return detail::nearest_other_neighbours(as_batch(samples), k, progress);
}

}  // namespace diffarch
