#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "diffarch/analysis/nearest_neighbours.hpp"

namespace diffarch {

/// Of how many dimensions is the set that samples lie on?
struct IntrinsicDimension {
  double dimension = 0.0;
  double lower = 0.0;  ///< 95 % interval for points of a uniform density; curvature, borders and changes of density
  double upper = 0.0;  ///< on the scale of the neighbours add to it
  Index points = 0;    ///< distinct samples it was measured at: exact copies of another sample are counted once
};

namespace detail {

/// Distances of every distinct sample to its k nearest other distinct samples, (k, points), nearest first.
template <class Scalar>
[[nodiscard]] Matrix<double> distances_to_others(const char* name, const Batch<Scalar>& samples, Index k) {
  for (Index column = 0; column < samples.cols(); ++column)
    require(samples.col(column).allFinite(), name, ": sample ", column, " is not finite");
  // Samples that have a copy at a lower index are left out. Ties are reported by the lower index, so a copy's nearest
  // neighbour is the first of its kind.
  Batch<Scalar> distinct = samples;
  if (samples.cols() >= 1) {
    const NearestNeighbours nearest = nearest_neighbours(samples, samples, 1);
    Index count = 0;
    for (Index i = 0; i < samples.cols(); ++i)
      if (nearest.indices(0, i) == i) distinct.col(count++) = samples.col(i);
    distinct.conservativeResize(Eigen::NoChange, count);
  }
  require(distinct.cols() >= k + 1, name, ": ", samples.cols(), " samples, ", distinct.cols(),
          " of them distinct; expected at least ", k + 1);
  return nearest_other_neighbours(distinct, k).distances;
}

/// Of m exponential waiting times with sum `sum`: their rate, unbiased, and 95 % of what it may be.
[[nodiscard]] inline IntrinsicDimension exponential_rate(double m, double sum, Index points) {
  const double rate = (m - 1.0) / sum;
  // Wilson and Hilferty 1931: the cube root of a Gamma variable is almost normal. Better than rate +- 2 rate / sqrt(m).
  const auto quantile = [m](double z) { return std::pow(1.0 - 1.0 / (9.0 * m) + z / (3.0 * std::sqrt(m)), 3.0); };
  return {rate, m / sum * quantile(-1.959964), m / sum * quantile(1.959964), points};
}

}  // namespace detail

/// TwoNN (Facco, d'Errico, Rodriguez and Laio 2017, "Estimating the intrinsic dimension of datasets by a minimal
/// neighborhood information"): for points of locally uniform density in D dimensions the ratio mu = r2 / r1 of the
/// distances to the nearest two others has P(mu > t) = t^-D, so log mu is exponential with rate D. The largest
/// `discarded` share of the ratios, where density is least uniform, enters only as being large (a censored sample,
/// whose maximum-likelihood rate is used in place of the paper's line fit). Measured with 1000 points, mean of 20 sets
/// (standard deviation): random linear images in 30 dimensions
/// of Gaussians in D = 2, 5, 10, 20 2.03 (0.09), 5.0 (0.2), 9.2 (0.4), 14 (0.4), uniform
/// in cubes of D = 2, 5, 10 1.98 (0.07), 4.7 (0.2), 8.3 (0.2), sphere 1.98 (0.06), Swiss roll 2.00 (0.08): too low
/// where 1000 points cannot be dense. Throws InvalidArgument for fewer than 3 distinct samples, `discarded` outside [0,
/// 0.9], or a value not finite.
template <class Scalar>
[[nodiscard]] IntrinsicDimension two_nn_dimension(const Batch<Scalar>& samples, double discarded = 0.1) {
  detail::require(discarded >= 0.0 && discarded <= 0.9, "two_nn_dimension: discarded = ", discarded,
                  ", expected 0 <= discarded <= 0.9");
  const Matrix<double> distances = detail::distances_to_others("two_nn_dimension", samples, 2);
  const Index n = distances.cols();
  std::vector<double> log_ratios(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) log_ratios[static_cast<std::size_t>(i)] = std::log(distances(1, i) / distances(0, i));
  std::sort(log_ratios.begin(), log_ratios.end());
  const Index kept = std::max<Index>(2, n - static_cast<Index>(discarded * static_cast<double>(n)));
  double sum = 0.0;
  for (Index i = 0; i < kept; ++i) sum += log_ratios[static_cast<std::size_t>(i)];
  sum += static_cast<double>(n - kept) * log_ratios[static_cast<std::size_t>(kept - 1)];
  return detail::exponential_rate(static_cast<double>(kept), sum, n);
}

/// Maximum likelihood (Levina and Bickel 2004, "Maximum Likelihood Estimation of Intrinsic Dimension", eq. 8) from the
/// k nearest neighbours, inverses averaged over the points (MacKay and Ghahramani 2005): the rate of all log(T_k /
/// T_j), j < k. Uses more of the neighbourhood than TwoNN: less variance, more bias by curvature, borders and density.
/// The interval takes the points for independent, which they are not: it is too narrow by about sqrt(2). Measured with
/// 1000 points and k = 20 as for two_nn_dimension: Gaussians 2.04 (0.02), 4.9 (0.06), 8.4 (0.1), 12.1 (0.2), cubes 1.95
/// (0.02), 4.4 (0.07), 7.9 (0.07), sphere 2.00 (0.01), Swiss roll 1.93 (0.02). Throws InvalidArgument for k < 3, fewer
/// than k + 1 distinct samples, or a value that is not finite.
template <class Scalar>
[[nodiscard]] IntrinsicDimension levina_bickel_dimension(const Batch<Scalar>& samples, Index k = 20) {
  detail::require(k >= 3, "levina_bickel_dimension: k = ", k, ", expected at least 3");
  const Matrix<double> distances = detail::distances_to_others("levina_bickel_dimension", samples, k);
  double sum = 0.0;
  for (Index i = 0; i < distances.cols(); ++i)
    for (Index j = 0; j + 1 < k; ++j) sum += std::log(distances(k - 1, i) / distances(j, i));
  return detail::exponential_rate(static_cast<double>(distances.cols() * (k - 1)), sum, distances.cols());
}

}  // namespace diffarch
