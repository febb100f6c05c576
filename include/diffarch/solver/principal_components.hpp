#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "diffarch/core/elementwise.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/samples.hpp"
#include "diffarch/core/storage.hpp"
#include "diffarch/solver/gaussian_moments.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch {

/// Mean and eigenmodes of a covariance, largest variance first. Modes of variance zero (to rounding) are not kept.
template <class Scalar, class BackendType = Cpu>
struct PrincipalComponents {
  Vector<double> mean;                                   ///< (d)
  Vector<double> eigenvalues;                            ///< (K), decreasing, > 0: variances, divided by n (not n - 1)
  typename BackendType::template Storage<Scalar> basis;  ///< (d, K), orthonormal columns, on the backend
  Index rank = 0;                                        ///< numerical rank of the covariance, >= K
};

/// Statistics about which the covariance is taken.
enum class Centring {
  mean,  ///< covariance about the sample mean: a denoiser with a bias
  none   ///< second moments about zero: a denoiser without a bias (the proof of the paper's Theorem 4)
};

namespace detail {

/// Eigenvalues below this fraction of the largest are not kept. Two errors set it: the matrix is formed and decomposed
/// in double, and basis vectors are made and stored in Scalar, with an error of about epsilon sqrt(lambda_1 /
/// lambda_k), which has to stay below a hundredth.
template <class Scalar>
[[nodiscard]] double rank_tolerance(Index size) {
  const double basis_error = 100.0 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  return std::max(static_cast<double>(size) * std::numeric_limits<double>::epsilon(), basis_error * basis_error);
}

[[nodiscard]] inline Index numerical_rank(const Vector<double>& eigenvalues, Index largest_possible, double tolerance) {
  const double cut = tolerance * std::max(eigenvalues(0), 0.0);
  Index rank = 0;
  while (rank < largest_possible && eigenvalues(rank) > cut) ++rank;
  return rank;
}

/// The leading `count` columns in the precision To.
template <class To, class BackendType>
[[nodiscard]] auto leading_columns(const typename BackendType::template Storage<double>& array, Index count) {
  typename BackendType::template Storage<To> result(array.rows(), count);
  BackendType::for_each(array.rows(), count,
                        elementwise::Convert<To, double>{result.data(), array.data(), array.rows()});
  return result;
}

}  // namespace detail

/// Keeps every mode of non-zero variance.
struct AllModes {
  constexpr Index operator()(Index rank) const noexcept { return rank; }
};

/// Eigenmodes of the empirical covariance (1/n) sum (x - mean)(x - mean)^T of `data` (d, n). `count` is asked how many
/// of the `rank` modes to keep, 0 <= count(rank) <= rank; what it throws passes through. Cost O(d n min(d, n)): the n x
/// n Gram matrix when n < d (the d x d matrix is never formed), the covariance otherwise. Working memory beside data
/// and result: O(min(d, n)^2) doubles.
template <class BackendType, class Scalar, class ModeCount = AllModes>
[[nodiscard]] PrincipalComponents<Scalar, BackendType> principal_components(const Batch<Scalar>& data,
                                                                            Centring centring = Centring::mean,
                                                                            const ModeCount& count = {}) {
  using Algebra = LinearAlgebra<BackendType>;
  const Index d = data.rows();
  const Index n = data.cols();
  const bool centred = centring == Centring::mean;
  const auto& x = backend_array<BackendType>(data);
  PrincipalComponents<Scalar, BackendType> result;
  // The mean of constant data is the constant itself, and no spurious mode is left of it.
  result.mean = centred ? Algebra::mean(x) : Vector<double>(Vector<double>::Zero(d));
  const bool use_gram = n < d;
  const Index largest_possible = std::min(d, centred ? n - 1 : n);
  detail::require_memory<double>(std::min(d, n), 2 * std::min(d, n), "the covariance of ", n, " samples of ", d,
                                 " values and its eigenvectors");
  SymmetricEigen<BackendType> eigen = Algebra::symmetric_eigen([&] {
    auto moments = use_gram ? Algebra::centred_gram(x, result.mean) : Algebra::centred_scatter(x, result.mean);
    BackendType::for_each(
        moments.rows(), moments.cols(),
        elementwise::Divide<double>{moments.data(), moments.data(), static_cast<double>(n), moments.rows()});
    return moments;
  }());
  result.rank = detail::numerical_rank(eigen.values, largest_possible, detail::rank_tolerance<Scalar>(std::max(d, n)));
  const Index modes = count(result.rank);
  result.eigenvalues = eigen.values.head(modes);
  if (use_gram) {
    // Left singular vectors from right ones: u_k = X v_k / sqrt(n lambda_k).
    const Vector<double> scale = (static_cast<double>(n) * result.eigenvalues).cwiseSqrt().cwiseInverse();
    const auto stored_scale = BackendType::upload(Batch<double>(scale));
    typename BackendType::template Storage<Scalar> weights(n, modes);
    BackendType::for_each(n, modes,
                          elementwise::ConvertScaledColumns<Scalar, double>{weights.data(), eigen.vectors.data(),
                                                                            stored_scale.data(), n});
    eigen.vectors = typename BackendType::template Storage<double>();
    result.basis = Algebra::centred_multiply(x, result.mean, weights);
  } else {
    result.basis = detail::leading_columns<Scalar, BackendType>(eigen.vectors, modes);
  }
  return result;
}

/// Overload for data sets and matrix expressions of Eigen.
template <class BackendType, Samples X, class ModeCount = AllModes>
[[nodiscard]] PrincipalComponents<typename X::Scalar, BackendType> principal_components(
    const X& data, Centring centring = Centring::mean, const ModeCount& count = {}) {
  return principal_components<BackendType, typename X::Scalar>(as_batch(data), centring, count);
}

/// Eigenmodes of given moments. With Centring::none, of the second moments covariance + mean mean^T.
/// Throws InvalidArgument when the covariance has a negative eigenvalue beyond rounding.
template <class BackendType, class Scalar, class ModeCount = AllModes>
[[nodiscard]] PrincipalComponents<Scalar, BackendType> principal_components(const GaussianMoments<Scalar>& moments,
                                                                            Centring centring = Centring::mean,
                                                                            const ModeCount& count = {}) {
  PrincipalComponents<Scalar, BackendType> result;
  result.mean = moments.mean().template cast<double>();
  Matrix<double> matrix = moments.covariance().template cast<double>();
  if (centring == Centring::none) {
    matrix += result.mean * result.mean.transpose();
    result.mean.setZero();
  }
  const Index d = matrix.rows();
  const SymmetricEigen<BackendType> eigen =
      LinearAlgebra<BackendType>::symmetric_eigen(BackendType::upload(std::move(matrix)));
  const double tolerance = static_cast<double>(d) * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  detail::require(eigen.values(d - 1) >= -tolerance * std::abs(eigen.values(0)),
                  "principal_components: the covariance has the negative eigenvalue ", eigen.values(d - 1));
  result.rank = detail::numerical_rank(eigen.values, d, tolerance);
  const Index modes = count(result.rank);
  result.eigenvalues = eigen.values.head(modes);
  result.basis = detail::leading_columns<Scalar, BackendType>(eigen.vectors, modes);
  return result;
}

}  // namespace diffarch
