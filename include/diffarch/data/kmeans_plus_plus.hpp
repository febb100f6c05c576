#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

/// The numbers of `clusters` samples that lie apart, among samples (d, n): the first is any of them, each further one
/// is drawn with a probability proportional to the squared distance from the nearest so far (Arthur and Vassilvitskii
/// 2007, "k-means++", section 2.2). Where to start a fit of clusters or of a mixture. `draw` counts independent draws
/// of one seed. Cost: d n clusters operations. Throws InvalidArgument for clusters < 1, values that are not finite, and
/// fewer distinct samples than clusters.
template <Samples X>
[[nodiscard]] std::vector<Index> kmeans_plus_plus(const X& samples, Index clusters, Seed seed, Index draw = 0) {
  using Real = detail::Dependent<double, X>;
  const Batch<typename X::Scalar>& x = as_batch(samples);
  const Index n = x.cols();
  detail::require(clusters >= 1 && clusters <= n, "kmeans_plus_plus: ", clusters, " clusters of ", n,
                  " samples; expected at least one and no more than samples");
  detail::require(x.allFinite(), "kmeans_plus_plus: a sample is not finite");
  const CounterRandom random(seed, streams::cluster_starts);
  std::vector<Index> chosen{std::min(n - 1, static_cast<Index>(random.uniform(draw, 0) * static_cast<double>(n)))};
  Vector<Real> squared = Vector<Real>::Constant(n, std::numeric_limits<double>::infinity());
  while (static_cast<Index>(chosen.size()) < clusters) {
    const Vector<Real> centre = x.col(chosen.back()).template cast<double>();
    parallel_for(n, 4 * x.rows(), [&](Index i) {
      squared(i) = std::min(squared(i), (x.col(i).template cast<double>() - centre).squaredNorm());
    });
    const double total = squared.sum();
    detail::require(total > 0.0, "kmeans_plus_plus: there are only ", chosen.size(), " distinct samples for ", clusters,
                    " clusters");
    double left = random.uniform(draw, static_cast<Index>(chosen.size())) * total;
    Index next = 0;
    for (Index i = 0; i < n; ++i) {
      if (squared(i) > 0.0) next = i;  // where rounding leaves none for u total, the last that is apart
      left -= squared(i);
      if (left < 0.0) break;
    }
    chosen.push_back(next);
  }
  return chosen;
}

}  // namespace diffarch
