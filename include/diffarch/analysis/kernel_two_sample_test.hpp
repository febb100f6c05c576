#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/analysis/pairwise_distances.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

/// How the kernel two-sample test is made.
struct KernelTestOptions {
  double bandwidth = 0.0;    ///< h > 0 of the kernel exp(-|a - b|^2 / (2 h^2)); 0: median distance between all samples
  Index permutations = 999;  ///< B >= 1; the smallest p-value is 1 / (B + 1)
  Seed seed = {};            ///< of the permutations
};

/// The result of the test.
struct KernelTwoSampleTest {
  double mmd_squared = 0.0;  ///< unbiased: 0 on average, and then negative as often as not, when x and y are alike
  double p_value = 1.0;      ///< chance of an mmd_squared this large if x and y came from one distribution
  double bandwidth = 0.0;    ///< h
};

namespace detail {

/// Median of the distances (N, N) between all pairs of N samples.
[[nodiscard]] inline double median_distance(const Matrix<double>& distances) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(distances.cols() * (distances.cols() - 1) / 2));
  for (Index j = 0; j < distances.cols(); ++j)
    for (Index i = 0; i < j; ++i) values.push_back(distances(i, j));
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The shuffle number `permutation` of 0 ... n - 1 (Fisher and Yates); number 0 is the identity.
[[nodiscard]] inline std::vector<Index> shuffled(Index n, const CounterRandom& random, Index permutation) {
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  if (permutation > 0)
    for (Index i = n - 1; i > 0; --i)
      std::swap(order[static_cast<std::size_t>(i)],
                order[static_cast<std::size_t>(random.uniform(permutation, i) * static_cast<double>(i + 1))]);
  return order;
}

template <class Scalar>
[[nodiscard]] KernelTwoSampleTest kernel_two_sample_test(const Batch<Scalar>& x, const Batch<Scalar>& y,
                                                         const KernelTestOptions& options,
                                                         const ProgressCallback& callback) {
  require<DimensionMismatch>(x.rows() == y.rows(), "kernel_two_sample_test: samples ", shape_text(x), " and ",
                             shape_text(y));
  const Index m = x.cols();
  const Index n = y.cols();
  require(m >= 2 && n >= 2, "kernel_two_sample_test: ", m, " and ", n, " samples; expected at least two of each");
  require_finite_samples("kernel_two_sample_test", "sample of x", x);
  require_finite_samples("kernel_two_sample_test", "sample of y", y);
  require(options.permutations >= 1, "kernel_two_sample_test: permutations = ", options.permutations,
          ", expected at least 1");
  require(options.bandwidth >= 0.0 && std::isfinite(options.bandwidth),
          "kernel_two_sample_test: bandwidth = ", options.bandwidth, ", expected a finite bandwidth >= 0");

  Batch<Scalar> pooled(x.rows(), m + n);
  pooled << x, y;
  ProgressReporter progress(callback, "kernel two-sample test", m + n + options.permutations + 1);
  Matrix<double> kernel = pairwise_distances(pooled, pooled, progress);
  KernelTwoSampleTest result;
  result.bandwidth = options.bandwidth > 0.0 ? options.bandwidth : median_distance(kernel);
  require(result.bandwidth > 0.0,
          "kernel_two_sample_test: more than half of the pairs of samples coincide; give a bandwidth");
  kernel = (-0.5 * (kernel / result.bandwidth).array().square()).exp();
  kernel.diagonal().setZero();

  // Column b of `is_x` marks the samples that permutation b calls x; sums within and between are quadratic forms of it.
  Matrix<double> is_x = Matrix<double>::Zero(m + n, options.permutations + 1);
  const CounterRandom random(options.seed, streams::permutations);
  run_reported_tasks(options.permutations + 1, 32 * (m + n), progress, [&](Index b) {
    const std::vector<Index> order = shuffled(m + n, random, b);
    for (Index i = 0; i < m; ++i) is_x(order[static_cast<std::size_t>(i)], b) = 1.0;
  });
  const Matrix<double> sums = LinearAlgebra<Cpu>::multiply(kernel, is_x);
  const double total = kernel.sum();
  const auto mmd_squared = [&](Index b) {
    const double from_x = sums.col(b).sum();
    const double within_x = is_x.col(b).dot(sums.col(b));
    const double between = from_x - within_x;
    const double within_y = total - from_x - between;
    const auto count_x = static_cast<double>(m);
    const auto count_y = static_cast<double>(n);
    return within_x / (count_x * (count_x - 1.0)) + within_y / (count_y * (count_y - 1.0)) -
           2.0 * between / (count_x * count_y);
  };
  result.mmd_squared = mmd_squared(0);
  constexpr double rounding = 1e-12;  // permutations of equal samples have the same MMD^2 up to this
  Index at_least = 0;
  for (Index b = 1; b <= options.permutations; ++b)
    if (mmd_squared(b) >= result.mmd_squared - rounding) ++at_least;
  result.p_value = static_cast<double>(1 + at_least) / static_cast<double>(1 + options.permutations);
  return result;
}

}  // namespace detail

/// Do samples x (d, m) and y (d, n) come from one distribution? The kernel two-sample test with a Gaussian kernel k
/// (Gretton et al. 2012, "A Kernel Two-Sample Test", eq. 3), for points of the plane and features of images:
///   MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j).
/// The p-value is exact for every sample size: (1 + number of permutations of the m + n samples with an MMD^2 at least
/// this large) / (1 + B) (Phipson and Smyth 2010). It says whether the distributions differ, not by how much.
/// Memory (m + n)^2 + (m + n) B numbers, cost O((m + n)^2 (d + B)).
/// Throws DimensionMismatch; InvalidArgument for fewer than two samples of either, options out of range, a value that
/// is not finite, or, without a bandwidth, when more than half of all pairs of samples coincide.
template <Samples X, SamplesOf<typename X::Scalar> Y>
[[nodiscard]] KernelTwoSampleTest kernel_two_sample_test(const X& x, const Y& y, const KernelTestOptions& options = {},
                                                         const ProgressCallback& progress = {}) {
  return detail::kernel_two_sample_test(as_batch(x), as_batch(y), options, progress);
}

}  // namespace diffarch
