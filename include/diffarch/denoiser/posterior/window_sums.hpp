#pragma once

#include <vector>

#include "diffarch/core/batch.hpp"

namespace diffarch::detail {

/// Sums over all windows of `width` neighbours of a line of entries, each a row of `stride` contiguous values:
///   sums[p] = line[p] + ... + line[p + width - 1],  p = 0 ... count - 1.
/// line holds count + width - 1 entries and is overwritten. By doubling: O(log width) additions per sum, and since
/// nothing is ever subtracted, sums of positive values have a small relative error however large their neighbours are.
/// count, stride, width >= 1; line and sums do not overlap.
template <class Scalar>
void window_sums(Scalar* line, Scalar* sums, Index count, Index stride, Index width) {
  using Values = Eigen::Map<Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
  Values result(sums, count * stride);
  Index length = count + width - 1;  // entries of `line` that still hold a whole block
  Index summed = 0;
  for (Index block = 1; block <= width; block *= 2) {
    // Here line[p] is the sum of entries p ... p + block - 1.
    if ((width & block) != 0) {
      const Values ahead(line + summed * stride, count * stride);
      if (summed == 0)
        result = ahead;
      else
        result += ahead;
      summed += block;
    }
    if (2 * block > width) break;
    length -= block;
    Values(line, length * stride) += Values(line + block * stride, length * stride);
  }
}

/// Weighted sums over all windows of weights.size() neighbours:
///   sums[p] = weights[0] line[p] + ... + weights[width - 1] line[p + width - 1],  p = 0 ... count - 1.
/// line holds count + width - 1 entries. O(width) operations per sum. Otherwise as window_sums.
template <class Scalar>
void weighted_window_sums(const Scalar* line, Scalar* sums, Index count, Index stride,
                          const std::vector<Scalar>& weights) {
  using Values = Eigen::Array<Scalar, Eigen::Dynamic, 1>;
  for (Index p = 0; p < count; ++p) {
    Eigen::Map<Values> sum(sums + p * stride, stride);
    sum.setZero();
    for (std::size_t u = 0; u < weights.size(); ++u)
      sum += weights[u] * Eigen::Map<const Values>(line + (p + static_cast<Index>(u)) * stride, stride);
  }
}

}  // namespace diffarch::detail
