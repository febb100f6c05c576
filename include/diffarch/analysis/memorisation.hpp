#pragma once

#include <algorithm>
#include <cmath>

#include "diffarch/analysis/bootstrap.hpp"
#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/analysis/nearest_neighbours.hpp"

namespace diffarch {

/// How near samples are to the training set they could have been copied from.
struct Memorisation {
  NearestNeighbours neighbours;  ///< the two nearest distinct training samples of each sample, by their first columns
  Vector<double> gap_ratio;      ///< d1 / d2 of their distances: near 0 for a copy, near 1 between training samples
  double threshold = 0.0;        ///< a sample with a smaller ratio counts as memorised
  double fraction = 0.0;         ///< memorised share of the samples
  double lower = 0.0;            ///< 95 % interval of the share in an infinity of samples (Wilson 1927) ...
  double upper = 1.0;            ///< ... of which these are independent draws: the one to quote
  /// The interval of the share by the percentile bootstrap, to compare with work that quotes it. It is a single point,
  /// and of no use, where the fraction is 0 or 1. Elsewhere it is close to Wilson's interval, and a little too short
  /// for few samples.
  Interval bootstrap;
  Index distinct = 0;    ///< training samples without their duplicates, see `distinct_samples`
  Index duplicates = 0;  ///< training samples that equal one before them, and are left out
};

namespace detail {

/// The k nearest distinct training samples, as columns of `training`.
template <class Scalar>
[[nodiscard]] NearestNeighbours nearest_distinct(const Batch<Scalar>& training, const DistinctSamples& distinct,
                                                 const Batch<Scalar>& queries, Index k,
                                                 const ProgressCallback& progress) {
  if (distinct.duplicates() == 0) return nearest_neighbours(training, queries, k, progress);
  NearestNeighbours found = nearest_neighbours(only_distinct(training, distinct), queries, k, progress);
  for (Index i = 0; i < found.indices.size(); ++i) {
    Index& index = found.indices.data()[i];
    index = distinct.indices[static_cast<std::size_t>(index)];
  }
  return found;
}

/// Wilson's 95 % interval of a share that was measured with `count` samples.
[[nodiscard]] inline Interval wilson_interval(double share, double count) {
  constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution
  const double shrink = 1.0 + z * z / count;
  const double centre = (share + z * z / (2.0 * count)) / shrink;
  const double half_width = z / shrink * std::sqrt(share * (1.0 - share) / count + z * z / (4.0 * count * count));
  return {std::max(0.0, centre - half_width), std::min(1.0, centre + half_width)};
}

template <class Scalar>
[[nodiscard]] Memorisation memorisation(const Batch<Scalar>& training, const Batch<Scalar>& samples, double threshold,
                                        const BootstrapOptions& bootstrap, const ProgressCallback& progress) {
  require<DimensionMismatch>(samples.rows() == training.rows(), "memorisation: training samples are ",
                             shape_text(training), ", samples ", shape_text(samples));
  require(training.cols() >= 2 && samples.cols() >= 1, "memorisation: ", training.cols(), " training samples and ",
          samples.cols(), " samples; expected at least 2 and 1");
  require(threshold > 0.0 && threshold <= 1.0, "memorisation: threshold = ", threshold,
          ", expected 0 < threshold <= 1");
  require_finite_samples("memorisation", "sample", samples);
  const DistinctSamples distinct = distinct_samples("memorisation", "training sample", training);
  Memorisation result;
  result.distinct = static_cast<Index>(distinct.indices.size());
  result.duplicates = distinct.duplicates();
  require(result.distinct >= 2, "memorisation: all ", training.cols(),
          " training samples are equal to rounding; expected at least 2 distinct ones");
  result.neighbours = nearest_distinct(training, distinct, samples, 2, progress);
  result.threshold = threshold;
  const auto& distances = result.neighbours.distances;
  result.gap_ratio.resize(samples.cols());
  Dependent<Vector<double>, Scalar> memorised(samples.cols());  // 1 or 0
  for (Index sample = 0; sample < samples.cols(); ++sample) {
    result.gap_ratio(sample) = distances(0, sample) / distances(1, sample);
    memorised(sample) = result.gap_ratio(sample) < threshold ? 1.0 : 0.0;
  }
  result.fraction = memorised.mean();
  const Interval wilson = wilson_interval(result.fraction, static_cast<double>(samples.cols()));
  result.lower = wilson.lower;
  result.upper = wilson.upper;
  result.bootstrap = bootstrap_interval(
      memorised, [](const Vector<double>& values) { return values.mean(); }, bootstrap);
  return result;
}

}  // namespace detail

/// Compares samples (d, q), q >= 1, with the training set (d, n) by the gap ratio: the criterion d1 / d2 < 1/3 of Yoon
/// et al., "Diffusion Probabilistic Models Generalize when They Fail to Memorize" (2023). The distances d1 and d2 are
/// those to the two nearest distinct training samples: a training sample that is there twice, exactly or to rounding,
/// counts once, or no copy of it would count as memorised. The result says how many duplicates were left out.
/// With two distinct training samples the ratio compares the distances to these two and says little; the criterion
/// means something where a sample has several training samples about it. Training samples that are alike but not equal
/// (one image in two crops, say) are distinct, and a copy of one of them may count as not memorised.
/// Cost O(d n q). Throws InvalidArgument for fewer than 2 distinct training samples, no samples, naming the first
/// column that is not finite, or for a threshold outside (0, 1]; DimensionMismatch.
template <Samples Training, SamplesOf<typename Training::Scalar> Generated>
[[nodiscard]] Memorisation memorisation(const Training& training, const Generated& samples,
                                        double threshold = 1.0 / 3.0, const BootstrapOptions& bootstrap = {},
                                        const ProgressCallback& progress = {}) {
  return detail::memorisation(as_batch(training), as_batch(samples), threshold, bootstrap, progress);
}

}  // namespace diffarch
