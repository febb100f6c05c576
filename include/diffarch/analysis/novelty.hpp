#pragma once

#include <cmath>

#include "diffarch/analysis/bootstrap.hpp"
#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/analysis/median.hpp"
#include "diffarch/analysis/nearest_neighbours.hpp"

namespace diffarch {

/// How far samples are from the training set, in units of the typical distance between training samples.
struct Novelty {
  Vector<double> relative_distance;  ///< distance to the nearest training sample / spacing: 0 for a copy
  double spacing = 0.0;              ///< median distance of a training sample to the nearest other distinct one
  double median = 0.0;               ///< of the relative distances
  Interval interval;                 ///< of that median, by the percentile bootstrap over the samples
};

namespace detail {

/// Median distance of a distinct training sample to the nearest other one.
template <class Scalar>
[[nodiscard]] double training_spacing(const Batch<Scalar>& training, const DistinctSamples& distinct,
                                      const ProgressCallback& progress) {
  require(distinct.indices.size() >= 2, "training_spacing: ", training.cols(), " training samples, ",
          distinct.indices.size(), " of them distinct; expected at least two");
  const NearestNeighbours nearest = distinct.duplicates() == 0
                                        ? nearest_other_neighbours(training, 1, progress)
                                        : nearest_other_neighbours(only_distinct(training, distinct), 1, progress);
  return median(Vector<double>(nearest.distances.row(0).transpose()));
}

template <class Scalar>
[[nodiscard]] double training_spacing(const Batch<Scalar>& training, const ProgressCallback& progress) {
  return training_spacing(training, distinct_samples("training_spacing", "training sample", training), progress);
}

}  // namespace detail

/// Median distance of a training sample (d, n) to the nearest other one: how far apart independent draws of the same
/// distribution are. Duplicates of a training sample, exact or to rounding, are left out: a set that is there twice has
/// the same spacing. Throws InvalidArgument for fewer than two distinct samples, or naming one that is not finite.
template <Samples Training>
[[nodiscard]] double training_spacing(const Training& training, const ProgressCallback& progress = {}) {
  return detail::training_spacing(as_batch(training), progress);
}

/// Overload for known distances of the samples to their nearest training samples (from `memorisation`, say) and a known
/// spacing of the training samples. Throws InvalidArgument for no distances, a distance that is negative or not
/// finite, or a spacing that is not positive.
[[nodiscard]] inline Novelty novelty(const Vector<double>& nearest_distances, double spacing,
                                     const BootstrapOptions& options = {}) {
  detail::require(spacing > 0.0 && std::isfinite(spacing), "novelty: the training samples have spacing ", spacing,
                  ", expected a positive number");
  for (Index i = 0; i < nearest_distances.size(); ++i)
    detail::require(nearest_distances(i) >= 0.0 && std::isfinite(nearest_distances(i)), "novelty: distance ", i, " is ",
                    nearest_distances(i));
  Novelty result;
  result.relative_distance.resize(nearest_distances.size());
  for (Index i = 0; i < nearest_distances.size(); ++i) result.relative_distance(i) = nearest_distances(i) / spacing;
  result.spacing = spacing;
  result.median = median(result.relative_distance);
  result.interval = bootstrap_interval(
      result.relative_distance, [](const Vector<double>& values) { return median(values); }, options);
  return result;
}

namespace detail {

template <class Scalar>
[[nodiscard]] Novelty novelty(const Batch<Scalar>& training, const Batch<Scalar>& samples,
                              const BootstrapOptions& options, const ProgressCallback& progress) {
  require<DimensionMismatch>(samples.rows() == training.rows(), "novelty: training samples are ", shape_text(training),
                             ", samples ", shape_text(samples));
  require(samples.cols() >= 1, "novelty: no samples");
  require_finite_samples("novelty", "sample", samples);
  const double spacing = training_spacing(training, progress);
  return diffarch::novelty(
      Vector<double>(nearest_neighbours(training, samples, 1, progress).distances.row(0).transpose()), spacing,
      options);
}

}  // namespace detail

/// Novelty of samples (d, q), q >= 1, with respect to the training set (d, n), n >= 2: about 1 when samples are as far
/// from the training set as independent draws would be, near 0 when they are copies, larger for samples that are away
/// from the data. The comparison of a sample's nearest training sample with that one's own neighbours is the
/// authenticity of Alaa et al., "How faithful is your synthetic data?" (ICML 2022, section 4), and the comparison of
/// distance distributions the data-copying test of Meehan, Chaudhuri and Dasgupta (AISTATS 2020); here with one length
/// for the whole set, so that the result is a number with a unit. The interval is over samples, the training set fixed.
/// Cost O(d n (n + q)). Throws InvalidArgument, naming the first column that is not finite; DimensionMismatch.
template <Samples Training, SamplesOf<typename Training::Scalar> Generated>
[[nodiscard]] Novelty novelty(const Training& training, const Generated& samples, const BootstrapOptions& options = {},
                              const ProgressCallback& progress = {}) {
  return detail::novelty(as_batch(training), as_batch(samples), options, progress);
}

}  // namespace diffarch
