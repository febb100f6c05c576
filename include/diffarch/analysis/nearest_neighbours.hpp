#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

/// The k nearest training samples of each query, nearest first.
struct NearestNeighbours {
  Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic> indices;  ///< (k, queries): columns of the training set
  Matrix<double> distances;                                      ///< (k, queries): Euclidean
};

/// Exact nearest neighbours of queries (d, q) among training samples (d, n), ties by the lower index.
/// Blocks of products give |q|^2 - 2 q.x + |x|^2 for every pair; that form cancels for near copies, so every candidate
/// that its rounding error could place among the k nearest is measured again as |q - x| in double. Cost O(d n q);
/// memory O(n) per query of a block. Throws InvalidArgument unless 1 <= k <= n, DimensionMismatch.
template <class Scalar>
[[nodiscard]] NearestNeighbours nearest_neighbours(const Batch<Scalar>& training, const Batch<Scalar>& queries,
                                                   Index k) {
  const Index d = training.rows();
  const Index n = training.cols();
  detail::require<DimensionMismatch>(queries.rows() == d, "nearest_neighbours: training samples are ",
                                     detail::shape_text(training), ", queries ", detail::shape_text(queries));
  detail::require(k >= 1 && k <= n, "nearest_neighbours: k = ", k, ", expected 1 <= k <= ", n,
                  " (the number of training samples)");
  NearestNeighbours result;
  result.indices.resize(k, queries.cols());
  result.distances.resize(k, queries.cols());
  const Vector<double> training_norms = training.template cast<double>().colwise().squaredNorm();
  const double largest_norm = training_norms.maxCoeff();

  constexpr Index block = 64;
  for (Index first = 0; first < queries.cols(); first += block) {
    const Index count = std::min(block, queries.cols() - first);
    const Matrix<Scalar> products = LinearAlgebra<Cpu>::multiply_transposed(training, queries.middleCols(first, count));
    parallel_for(count, n, [&](Index q) {
      const Vector<double> query = queries.col(first + q).template cast<double>();
      const double query_norm = query.squaredNorm();
      // |error of a product of length d| <= d eps |q| |x| (Higham 2002, section 3.1), twice in the distance.
      const double error = 4.0 * static_cast<double>(d) * static_cast<double>(std::numeric_limits<Scalar>::epsilon()) *
                           0.5 * (query_norm + largest_norm);
      const Vector<double> approximate =
          (training_norms - 2.0 * products.col(q).template cast<double>()).array() + query_norm;
      std::vector<double> ordered(approximate.begin(), approximate.end());
      std::nth_element(ordered.begin(), ordered.begin() + (k - 1), ordered.end());
      const double cut = ordered[static_cast<std::size_t>(k - 1)] + 2.0 * error;
      std::vector<std::pair<double, Index>> candidates;
      for (Index i = 0; i < n; ++i)
        if (approximate(i) <= cut)
          candidates.emplace_back((training.col(i).template cast<double>() - query).squaredNorm(), i);
      std::partial_sort(candidates.begin(), candidates.begin() + k, candidates.end());
      for (Index j = 0; j < k; ++j) {
        result.indices(j, first + q) = candidates[static_cast<std::size_t>(j)].second;
        result.distances(j, first + q) = std::sqrt(candidates[static_cast<std::size_t>(j)].first);
      }
    });
  }
  return result;
}

}  // namespace diffarch
