#pragma once

#include <Eigen/Eigenvalues>
#include <cmath>
#include <concepts>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random.hpp"

namespace diffarch {

/// Samples and the component each was drawn from.
template <class Scalar>
struct LabelledSamples {
  Batch<Scalar> samples;      ///< (d, n)
  std::vector<Index> labels;  ///< n component numbers in [0, m)
};

/// Mixture of m Gaussians in d dimensions: p(x) = sum_k weights[k] N(x; means[:, k], covariances[k]).
/// A component may be singular (lie on a subspace); such a mixture can be sampled but has no density.
template <std::floating_point Scalar_ = double>
class GaussianMixture {
 public:
  using Scalar = Scalar_;

  /// `weights` (m) positive with sum 1, `means` (d, m), `covariances` m matrices (d, d), symmetric and positive
  /// semi-definite, all up to rounding.
  /// Throws DimensionMismatch when the shapes disagree, InvalidArgument naming the component otherwise.
  GaussianMixture(Vector<Scalar> weights, Matrix<Scalar> means, std::vector<Matrix<Scalar>> covariances)
      : weights_(std::move(weights)), means_(std::move(means)), covariances_(std::move(covariances)) {
    check_shapes();
    check_weights();
    for (std::size_t k = 0; k < covariances_.size(); ++k) factor(k);
  }

  [[nodiscard]] Index dimension() const noexcept { return means_.rows(); }
  [[nodiscard]] Index components() const noexcept { return means_.cols(); }
  [[nodiscard]] const Vector<Scalar>& weights() const noexcept { return weights_; }
  [[nodiscard]] const Matrix<Scalar>& means() const noexcept { return means_; }
  [[nodiscard]] const std::vector<Matrix<Scalar>>& covariances() const noexcept { return covariances_; }
  /// Orthonormal eigenvectors of each covariance (d, d), with `deviations` of the same component.
  [[nodiscard]] const std::vector<Matrix<Scalar>>& directions() const noexcept { return directions_; }
  /// Standard deviations along the directions of each component (d), at least 0.
  [[nodiscard]] const std::vector<Vector<Scalar>>& deviations() const noexcept { return deviations_; }

  /// Mean of the mixture (d).
  [[nodiscard]] Vector<Scalar> mean() const { return means_ * weights_; }

  /// Covariance of the mixture (d, d): that within the components plus that of their means.
  [[nodiscard]] Matrix<Scalar> covariance() const;

  /// The distribution of x + sigma epsilon, with x of this mixture and epsilon ~ N(0, I): every covariance grows by
  /// sigma^2 I. It has a density for every sigma > 0. Throws InvalidArgument unless sigma is finite and >= 0.
  [[nodiscard]] GaussianMixture with_noise(double sigma) const;

  /// n independent samples with their components. Sample i is bitwise the same whatever n or the number of threads; its
  /// component comes from `streams::labels`, its position from `streams::data`.
  [[nodiscard]] LabelledSamples<Scalar> sample_labelled(Index n, Seed seed) const;

  /// n independent samples, shape (d, n): those of sample_labelled.
  [[nodiscard]] Batch<Scalar> sample(Index n, Seed seed) const { return sample_labelled(n, seed).samples; }

  /// log p of each column of a batch (d, n); finite wherever the squared distances in units of the components' standard
  /// deviations are.
  /// Throws DimensionMismatch for another dimension, InvalidArgument when a component is singular.
  [[nodiscard]] Vector<Scalar> log_density(const Batch<Scalar>& batch) const;

  /// p of each column of a batch (d, n). Throws like log_density.
  [[nodiscard]] Vector<Scalar> density(const Batch<Scalar>& batch) const {
    return log_density(batch).array().exp().matrix();
  }

 private:
  void check_shapes() const {
    const Index d = means_.rows();
    const Index m = means_.cols();
    detail::require(d >= 1 && m >= 1, "GaussianMixture: means are ", detail::shape_text(means_),
                    "; expected (d, m) with d, m >= 1");
    detail::require<DimensionMismatch>(weights_.size() == m && static_cast<Index>(covariances_.size()) == m,
                                       "GaussianMixture: ", weights_.size(), " weights, ", m, " means and ",
                                       covariances_.size(), " covariances");
    for (Index k = 0; k < m; ++k) {
      const auto& covariance = covariances_[static_cast<std::size_t>(k)];
      detail::require<DimensionMismatch>(covariance.rows() == d && covariance.cols() == d,
                                         "GaussianMixture: covariance ", k, " is ", detail::shape_text(covariance),
                                         "; expected (", d, ", ", d, ")");
    }
    detail::require(means_.allFinite(), "GaussianMixture: the means are not finite");
  }

  void check_weights() const {
    for (Index k = 0; k < weights_.size(); ++k)
      detail::require(std::isfinite(weights_[k]) && weights_[k] > Scalar(0), "GaussianMixture: weight ", k, " is ",
                      weights_[k], "; expected positive weights");
    const Scalar tolerance = Scalar(64) * std::numeric_limits<Scalar>::epsilon() * static_cast<Scalar>(weights_.size());
    detail::require(std::abs(weights_.sum() - Scalar(1)) <= tolerance, "GaussianMixture: the weights sum to ",
                    weights_.sum(), "; expected 1");
  }

  /// Covariance k = V diag(s^2) V^T: keeps V, s and the factor V diag(s) that turns N(0, I) into N(0, covariance).
  void factor(std::size_t k);

  [[nodiscard]] Index component_at(double uniform) const {
    double cumulative = 0.0;
    for (Index k = 0; k + 1 < components(); ++k) {
      cumulative += static_cast<double>(weights_[k]);
      if (uniform < cumulative) return k;
    }
    return components() - 1;
  }

  Vector<Scalar> weights_;
  Matrix<Scalar> means_;
  std::vector<Matrix<Scalar>> covariances_;
  std::vector<Matrix<Scalar>> directions_;
  std::vector<Vector<Scalar>> deviations_;
  std::vector<Matrix<Scalar>> factors_;
};

template <std::floating_point Scalar>
Matrix<Scalar> GaussianMixture<Scalar>::covariance() const {
  const Vector<Scalar> centre = mean();
  Matrix<Scalar> total = Matrix<Scalar>::Zero(dimension(), dimension());
  for (Index k = 0; k < components(); ++k) {
    const Vector<Scalar> offset = means_.col(k) - centre;
    total += weights_[k] * (covariances_[static_cast<std::size_t>(k)] + offset * offset.transpose());
  }
  return total;
}

template <std::floating_point Scalar>
GaussianMixture<Scalar> GaussianMixture<Scalar>::with_noise(double sigma) const {
  detail::require(sigma >= 0.0 && std::isfinite(sigma), "GaussianMixture: sigma = ", sigma,
                  ", expected a finite sigma >= 0");
  std::vector<Matrix<Scalar>> covariances = covariances_;
  for (Matrix<Scalar>& covariance : covariances) covariance.diagonal().array() += static_cast<Scalar>(sigma * sigma);
  return GaussianMixture(weights_, means_, std::move(covariances));
}

template <std::floating_point Scalar>
LabelledSamples<Scalar> GaussianMixture<Scalar>::sample_labelled(Index n, Seed seed) const {
  detail::require(n >= 0, "GaussianMixture: n = ", n, "; expected n >= 0");
  const CounterRandom choice(seed, streams::labels);
  const Index d = dimension();
  LabelledSamples<Scalar> result{normal_batch<Scalar>(d, n, seed, streams::data),
                                 std::vector<Index>(static_cast<std::size_t>(n))};
  parallel_for(n, 64 * dimension(), [&](Index i) {
    const Index k = component_at(choice.uniform(i, 0));
    const Vector<Scalar> z = result.samples.col(i);
    result.samples.col(i) = means_.col(k) + factors_[static_cast<std::size_t>(k)] * z;
    result.labels[static_cast<std::size_t>(i)] = k;
  });
  return result;
}

template <std::floating_point Scalar>
Vector<Scalar> GaussianMixture<Scalar>::log_density(const Batch<Scalar>& batch) const {
  detail::require<DimensionMismatch>(batch.rows() == dimension(), "GaussianMixture: the batch is ",
                                     detail::shape_text(batch), " but the mixture has dimension ", dimension());
  Matrix<Scalar> terms(components(), batch.cols());
  for (Index k = 0; k < components(); ++k) {
    const auto at = static_cast<std::size_t>(k);
    detail::require(deviations_[at].minCoeff() > Scalar(0), "GaussianMixture: component ", k,
                    " is singular, so the mixture has no density");
    const Scalar log_scale =
        std::log(weights_[k]) - deviations_[at].array().log().sum() -
        static_cast<Scalar>(dimension()) / Scalar(2) * std::log(Scalar(2) * std::numbers::pi_v<Scalar>);
    const Matrix<Scalar> standardised =
        deviations_[at].cwiseInverse().asDiagonal() * directions_[at].transpose() * (batch.colwise() - means_.col(k));
    terms.row(k) = (standardised.colwise().squaredNorm() * Scalar(-0.5)).array() + log_scale;
  }
  // log sum exp about the largest term, which no distance can underflow
  const Eigen::Matrix<Scalar, 1, Eigen::Dynamic> largest = terms.colwise().maxCoeff();
  return (largest.array() + (terms.rowwise() - largest).array().exp().colwise().sum().log()).matrix().transpose();
}

template <std::floating_point Scalar>
void GaussianMixture<Scalar>::factor(std::size_t k) {
  const Matrix<Scalar>& covariance = covariances_[k];
  detail::require(covariance.allFinite(), "GaussianMixture: covariance ", k, " is not finite");
  const Scalar rounding = Scalar(64) * std::numeric_limits<Scalar>::epsilon() * static_cast<Scalar>(dimension()) *
                          covariance.cwiseAbs().maxCoeff();
  detail::require((covariance - covariance.transpose()).cwiseAbs().maxCoeff() <= rounding,
                  "GaussianMixture: covariance ", k, " is not symmetric");
  const Eigen::SelfAdjointEigenSolver<Matrix<Scalar>> solver(covariance);
  detail::require(solver.info() == Eigen::Success && solver.eigenvalues().minCoeff() >= -rounding,
                  "GaussianMixture: covariance ", k, " has the eigenvalue ", solver.eigenvalues().minCoeff(),
                  "; expected a positive semi-definite matrix");
  directions_.push_back(solver.eigenvectors());
  deviations_.push_back((solver.eigenvalues().array() > rounding)
                            .select(solver.eigenvalues().cwiseMax(Scalar(0)).cwiseSqrt(), Scalar(0)));
  factors_.push_back(directions_.back() * deviations_.back().asDiagonal());
}

#ifdef DIFFARCH_COMPILED
extern template class GaussianMixture<float>;
extern template class GaussianMixture<double>;
#endif

// Two distributions in the plane that no linear denoiser can tell apart: both have mean zero and covariance I. Their
// parameters are small binary fractions chosen so that this holds exactly, in floating point too.

/// Three round blobs (standard deviation 0.27 and 0.25) on a triangle, weights 5/16, 5/16 and 6/16.
template <std::floating_point Scalar = double>
[[nodiscard]] GaussianMixture<Scalar> three_component_mixture() {
  const Vector<Scalar> weights{{Scalar(5) / 16, Scalar(5) / 16, Scalar(6) / 16}};
  const Scalar half_base = Scalar(39) / 32;
  const Matrix<Scalar> means{{-half_base, half_base, Scalar(0)}, {Scalar(-0.75), Scalar(-0.75), Scalar(1.25)}};
  // 10/16 half_base^2 = 7605/8192 and 10/16 0.75^2 + 6/16 1.25^2 = 15/16 is the covariance of the means.
  const Matrix<Scalar> covariance{{Scalar(587) / 8192, Scalar(0)}, {Scalar(0), Scalar(1) / 16}};
  return GaussianMixture<Scalar>(weights, means, {covariance, covariance, covariance});
}

/// Two parallel bars of equal weight (standard deviation 0.25 across, 1 along), 1.94 apart.
template <std::floating_point Scalar = double>
[[nodiscard]] GaussianMixture<Scalar> two_component_mixture() {
  const Vector<Scalar> weights{{Scalar(0.5), Scalar(0.5)}};
  const Scalar offset = Scalar(31) / 32;
  const Matrix<Scalar> means{{-offset, offset}, {Scalar(0), Scalar(0)}};
  const Matrix<Scalar> covariance{{Scalar(63) / 1024, Scalar(0)}, {Scalar(0), Scalar(1)}};  // 1 - offset^2 = 63/1024
  return GaussianMixture<Scalar>(weights, means, {covariance, covariance});
}

}  // namespace diffarch
