#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

/// Which samples of a set are distinct. Two samples are equal when they differ by no more than the rounding of their
/// scalar type: exact copies, and twins whose values are a unit in the last place apart.
struct DistinctSamples {
  std::vector<Index> indices;  ///< increasing columns: the first sample of every group of equal ones
  std::vector<Index> first;    ///< (n): for every sample, the first sample that equals it, which may be itself

  /// How many samples equal one before them.
  [[nodiscard]] Index duplicates() const noexcept {
    return static_cast<Index>(first.size()) - static_cast<Index>(indices.size());
  }
};

namespace detail {

/// Throws InvalidArgument, naming the function and the sample, unless every sample is finite and can be squared.
template <class Scalar>
void require_finite_samples(const char* function, const char* samples_name, const Batch<Scalar>& samples) {
  for (Index column = 0; column < samples.cols(); ++column)
    require(std::isfinite(samples.col(column).template cast<double>().squaredNorm()), function, ": ", samples_name, " ",
            column, " has a value that is NaN, infinite or too large to square");
}

/// Samples are equal when |a - b| <= equality_rounding * max(|a|, |b|). One unit in the last place of every value is a
/// distance of at most epsilon |a|; the factor leaves room for a few roundings.
template <class Scalar>
inline constexpr double equality_rounding = 4.0 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());

/// Puts samples whose projections on one line are close, and only those, to the test.
template <class Scalar>
class DistinctSearch {
 public:
  explicit DistinctSearch(const Batch<Scalar>& samples)
      : samples_(samples),
        norms_(samples.cols()),
        projections_(samples.cols()),
        windows_(samples.cols()),
        order_(static_cast<std::size_t>(samples.cols())) {
    Vector<double> line = normal_batch<double>(samples.rows(), 1, Seed{0}, streams::directions);
    line.normalize();
    const Vector<double> origin = samples.col(0).template cast<double>();
    const double dot_rounding = 2.0 * static_cast<double>(samples.rows()) * std::numeric_limits<double>::epsilon();
    parallel_for(samples.cols(), 4 * samples.rows(), [&](Index i) {
      const Vector<double> x = samples.col(i).template cast<double>();
      norms_(i) = x.norm();
      projections_(i) = line.dot(x - origin);
      windows_(i) = 2.0 * equality_rounding<Scalar> * norms_(i) + dot_rounding * (x - origin).norm();
    });
    std::iota(order_.begin(), order_.end(), Index{0});
    std::sort(order_.begin(), order_.end(),
              [&](Index a, Index b) { return std::pair(projections_(a), a) < std::pair(projections_(b), b); });
  }

  [[nodiscard]] DistinctSamples result() const {
    const auto n = static_cast<std::size_t>(samples_.cols());
    std::vector<Index> group(n);         // the sample of its group that comes first on the line
    std::vector<Index> representatives;  // in the order of the line
    std::vector<Index> lowest(n, samples_.cols());
    for (const Index i : order_) {
      Index found = i;
      for (auto other = representatives.rbegin();
           other != representatives.rend() && projections_(i) - projections_(*other) <= windows_(i); ++other)
        if (are_equal(i, *other)) {
          found = *other;
          break;
        }
      if (found == i) representatives.push_back(i);
      group[static_cast<std::size_t>(i)] = found;
      Index& least = lowest[static_cast<std::size_t>(found)];
      least = std::min(least, i);
    }
    DistinctSamples distinct;
    for (std::size_t i = 0; i < n; ++i) {
      const Index first = lowest[static_cast<std::size_t>(group[i])];
      distinct.first.push_back(first);
      if (first == static_cast<Index>(i)) distinct.indices.push_back(first);
    }
    return distinct;
  }

 private:
  [[nodiscard]] bool are_equal(Index a, Index b) const {
    const double distance = (samples_.col(a).template cast<double>() - samples_.col(b).template cast<double>()).norm();
    return distance <= equality_rounding<Scalar> * std::max(norms_(a), norms_(b));
  }

  const Batch<Scalar>& samples_;
  Vector<double> norms_;
  Vector<double> projections_;
  Vector<double> windows_;  // no equal sample is farther on the line
  std::vector<Index> order_;
};

template <class Scalar>
[[nodiscard]] DistinctSamples distinct_samples(const char* function, const char* samples_name,
                                               const Batch<Scalar>& samples) {
  if (samples.cols() == 0) return {};
  require(samples.rows() >= 1, function, ": ", samples_name, "s of no values");
  require_finite_samples(function, samples_name, samples);
  return DistinctSearch<Scalar>(samples).result();
}

/// The distinct samples as a batch.
template <class Scalar>
[[nodiscard]] Batch<Scalar> only_distinct(const Batch<Scalar>& samples, const DistinctSamples& distinct) {
  return samples(Eigen::all, distinct.indices);
}

}  // namespace detail

/// Finds which of n samples (d, n) are distinct. Samples are projected on one line, which takes O(n d), and sorted;
/// only those with close projections are compared. Throws InvalidArgument, naming the first sample that is not finite.
template <Samples X>
[[nodiscard]] DistinctSamples distinct_samples(const X& samples) {
  return detail::distinct_samples("distinct_samples", "sample", as_batch(samples));
}

}  // namespace diffarch
