#pragma once

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>

#include "diffarch/analysis/squared_distance.hpp"
#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/solver/linear_algebra.hpp"

namespace diffarch::detail {

/// A subspace that many samples are near to: an orthonormal basis S (d, K) in Scalar, or empty.
template <class Scalar>
struct SearchSubspace {
  static constexpr Index dimension = 64;  ///< K

  Matrix<Scalar> basis;
  double error = 0.0;  ///< |S^T S - 1|

  [[nodiscard]] bool empty() const noexcept { return basis.size() == 0; }
};

/// About the leading principal subspace of samples (d, n), n and d >= K, about a centre (d): randomised subspace
/// iteration (Halko, Martinsson and Tropp 2011, section 4.5). Empty where the samples do not differ from the centre.
template <class Scalar>
[[nodiscard]] SearchSubspace<Scalar> leading_subspace(const Batch<Scalar>& samples, const Vector<Scalar>& centre) {
  constexpr Index dimension = SearchSubspace<Scalar>::dimension;
  Batch<Scalar> scaled = samples.colwise() - centre;
  const Scalar largest = std::max(scaled.maxCoeff(), -scaled.minCoeff());
  if (!(largest > std::numeric_limits<Scalar>::min())) return {};
  scaled /= largest;
  const auto trial = normal_batch<Scalar>(scaled.cols(), dimension, Seed{0}, streams::directions);
  Matrix<Scalar> range = LinearAlgebra<Cpu>::multiply(scaled, trial);
  range /= std::max(std::max(range.maxCoeff(), -range.minCoeff()), std::numeric_limits<Scalar>::min());
  range = LinearAlgebra<Cpu>::multiply(scaled, LinearAlgebra<Cpu>::multiply_transposed(scaled, range));
  const SerialEigen serial;
  SearchSubspace<Scalar> subspace;
  subspace.basis =
      Eigen::HouseholderQR<Matrix<Scalar>>(range).householderQ() * Matrix<Scalar>::Identity(scaled.rows(), dimension);
  const Matrix<Dependent<double, Scalar>> exact = subspace.basis.template cast<double>();
  subspace.error = (exact.transpose() * exact - Matrix<double>::Identity(exact.cols(), exact.cols())).norm();
  return subspace;
}

/// Vectors w of samples x whose distances are lower bounds: |w_q - w_x| <= |q - x| + error_q + error_x.
template <class Scalar>
struct DistanceBounds {
  Matrix<Scalar> vectors;        ///< (dimension of the bound, samples)
  Vector<Scalar> squared_norms;  ///< |w|^2, (samples)
  double largest_error = 0.0;    ///< of any sample
  double largest_squared_norm = 0.0;
};

/// |x|^2 of d numbers, in double.
template <class Scalar>
[[nodiscard]] double squared_norm(const Scalar* x, Index d) noexcept {
  return squared_distance<Scalar>(x, nullptr, d);
}

/// Sets the bounds of samples (d, n) about a centre (d): the samples themselves or, with a subspace, their coordinates
/// in it and the length of what is outside. Errors by the standard model of rounding (Higham 2002, section 3.1), with a
/// factor of two in hand. Tasks of `strip` samples.
template <class Scalar>
void find_distance_bounds(const Eigen::Ref<const Batch<Scalar>, 0, Eigen::OuterStride<>>& samples,
                          const Vector<Scalar>& centre, const SearchSubspace<Scalar>& subspace, Index strip,
                          DistanceBounds<Scalar>& result) {
  constexpr Index dimension = SearchSubspace<Scalar>::dimension;
  constexpr double epsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  const SerialEigen serial;
  const Index n = samples.cols();
  const bool in_subspace = !subspace.empty();
  result.vectors.resize(in_subspace ? dimension + 1 : samples.rows(), n);
  result.squared_norms.resize(n);
  Vector<Dependent<double, Scalar>> errors(n);
  Vector<Dependent<double, Scalar>> squared_norms(n);
  const auto d = static_cast<double>(samples.rows());
  const double coordinate_error = d * epsilon * std::sqrt(2.0 * static_cast<double>(dimension)) + subspace.error;
  parallel_for((n + strip - 1) / strip, strip * samples.rows(), [&](Index task) {
    const Index first = task * strip;
    const Index count = std::min(strip, n - first);
    Batch<Scalar> centred;
    if (in_subspace) {
      centred = samples.middleCols(first, count).colwise() - centre;
      result.vectors.block(0, first, dimension, count).noalias() = subspace.basis.transpose() * centred;
    } else {
      result.vectors.middleCols(first, count) = samples.middleCols(first, count).colwise() - centre;
    }
    for (Index i = first; i < first + count; ++i) {
      const double squared =
          squared_norm(in_subspace ? centred.col(i - first).data() : result.vectors.col(i).data(), samples.rows());
      const double norm = std::sqrt(squared);
      errors(i) = epsilon * norm;  // of the centring
      if (in_subspace) {
        const double inside = squared_norm(result.vectors.col(i).data(), dimension);
        const double outside = std::sqrt(std::max(0.0, squared - inside));
        const double error = coordinate_error * norm;
        const double squared_error =
            error * (2.0 * norm + error) + 4.0 * d * std::numeric_limits<double>::epsilon() * squared;
        result.vectors(dimension, i) = static_cast<Scalar>(outside);
        errors(i) +=
            error + epsilon * outside + std::sqrt(squared_error) * std::min(1.0, std::sqrt(squared_error) / outside);
      }
      squared_norms(i) = squared_norm(result.vectors.col(i).data(), result.vectors.rows());
      result.squared_norms(i) = static_cast<Scalar>(squared_norms(i));
    }
  });
  result.largest_error = errors.maxCoeff();
  result.largest_squared_norm = squared_norms.maxCoeff();
}

}  // namespace diffarch::detail
