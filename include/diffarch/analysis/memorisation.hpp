#pragma once

#include <algorithm>
#include <cmath>

#include "diffarch/analysis/bootstrap.hpp"
#include "diffarch/analysis/nearest_neighbours.hpp"

namespace diffarch {

/// How near samples are to the training set they could have been copied from.
struct Memorisation {
  NearestNeighbours neighbours;  ///< the two nearest training samples of each sample
  Vector<double> gap_ratio;      ///< d1 / d2 of their distances: near 0 for a copy, near 1 between training samples
  double threshold = 0.0;        ///< a sample with a smaller ratio counts as memorised
  double fraction = 0.0;         ///< memorised share of the samples
  double lower = 0.0;            ///< 95 % interval of the share in an infinity of samples (Wilson 1927) ...
  double upper = 1.0;            ///< ... of which these are independent draws: the one to quote
  /// The same by the percentile bootstrap, to compare with work that quotes that. A single point, so of no use, where
  /// the fraction is 0 or 1; elsewhere close to Wilson's, and a little too short for few samples.
  Interval bootstrap;
};

/// Compares samples (d, q), q >= 1, with the training set (d, n), n >= 2, by the gap ratio: the criterion d1 / d2 < 1/3
/// of Yoon et al., "Diffusion Probabilistic Models Generalize when They Fail to Memorize" (2023). Of equal training
/// samples d1 / d2 is 1 (0 / 0 counts as 1): a copy of a training sample that is there twice does not count as
/// memorised, so take duplicates out first. With two training samples the ratio compares the distances to these two and
/// says little; the criterion means something where a sample has several training samples about it. Throws
/// InvalidArgument for fewer samples, naming the first column that is not finite, or for a threshold outside (0, 1];
/// DimensionMismatch.
template <class Scalar>
[[nodiscard]] Memorisation memorisation(const Batch<Scalar>& training, const Batch<Scalar>& samples,
                                        double threshold = 1.0 / 3.0, const BootstrapOptions& bootstrap = {}) {
  detail::require(training.cols() >= 2 && samples.cols() >= 1, "memorisation: ", training.cols(),
                  " training samples and ", samples.cols(), " samples; expected at least 2 and 1");
  detail::require(threshold > 0.0 && threshold <= 1.0, "memorisation: threshold = ", threshold,
                  ", expected 0 < threshold <= 1");
  Memorisation result;
  result.neighbours = nearest_neighbours(training, samples, 2);
  result.threshold = threshold;
  const auto& distances = result.neighbours.distances;
  result.gap_ratio.resize(samples.cols());
  for (Index i = 0; i < samples.cols(); ++i)
    result.gap_ratio(i) = distances(1, i) > 0.0 ? distances(0, i) / distances(1, i) : 1.0;

  const auto count = static_cast<double>(samples.cols());
  const Vector<double> memorised = (result.gap_ratio.array() < threshold).template cast<double>();
  const double share = memorised.mean();
  constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution
  const double shrink = 1.0 + z * z / count;
  const double centre = (share + z * z / (2.0 * count)) / shrink;
  const double half_width = z / shrink * std::sqrt(share * (1.0 - share) / count + z * z / (4.0 * count * count));
  result.fraction = share;
  result.lower = std::max(0.0, centre - half_width);
  result.upper = std::min(1.0, centre + half_width);
  result.bootstrap = bootstrap_interval(
      memorised, [](const Vector<double>& values) { return values.mean(); }, bootstrap);
  return result;
}

}  // namespace diffarch
