#pragma once

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/core/any_denoiser.hpp"
#include "diffarch/solver/cross_validation.hpp"
#include "diffarch/solver/symmetric_solve.hpp"

namespace diffarch {

/// A mixture of denoisers, with weights of its own at every noise level: x0_hat = sum_k weight_k(level) x0_hat_k. See
/// `fit_blend`.
template <class Scalar_ = float>
class BlendDenoiser {
 public:
  using Scalar = Scalar_;
  using BackendType = Cpu;
  using Part = AnyDenoiser<Scalar>;

  /// parts: at least one, all of one dimension; weights: (parts, steps of levels). Throws InvalidArgument without
  /// parts, DimensionMismatch.
  BlendDenoiser(std::vector<Part> parts, Matrix<double> weights, NoiseLevels levels)
      : parts_(std::move(parts)), weights_(std::move(weights)), levels_(std::move(levels)) {
    detail::require(!parts_.empty(), "BlendDenoiser: no denoisers, expected at least one");
    for (const Part& part : parts_)
      detail::require<DimensionMismatch>(part.dimension() == dimension(), "BlendDenoiser: denoisers of dimensions ",
                                         dimension(), " and ", part.dimension(), "; expected one dimension");
    detail::require<DimensionMismatch>(
        weights_.rows() == static_cast<Index>(parts_.size()) && weights_.cols() == levels_.steps(),
        "BlendDenoiser: weights are ", detail::shape_text(weights_), "; expected (", parts_.size(), ", ",
        levels_.steps(), "), one for each denoiser and noise level");
  }

  [[nodiscard]] Index dimension() const { return parts_.front().dimension(); }
  /// One weight for each denoiser and step, (parts, steps).
  [[nodiscard]] const Matrix<double>& weights() const noexcept { return weights_; }

  /// x0_hat (d, n) of y (d, n) with the weights of the nearest level of the schedule. Throws what the denoisers throw.
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const {
    const auto weights = weights_.col(levels_.nearest_step(level));
    Batch<Scalar> x0_hat = Batch<Scalar>::Zero(y.rows(), y.cols());
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      const auto weight = static_cast<Scalar>(weights(static_cast<Index>(k)));
      if (weight != 0) x0_hat += weight * parts_[k].denoise(y, level);
    }
    return x0_hat;
  }

 private:
  std::vector<Part> parts_;
  Matrix<double> weights_;
  NoiseLevels levels_;
};

namespace detail {

/// Least squares with a ridge towards the first unit vector: minimises x^T normal x - 2 x^T right + ridge scale
/// |x - e_0|^2, scale the mean diagonal element of `normal`; an infinite ridge gives e_0 itself.
template <class Real>
[[nodiscard]] Matrix<Real> ridge_to_first(const Matrix<Real>& normal, const Matrix<Real>& right, double ridge) {
  const Index parts = normal.rows();
  Matrix<Real> first = Matrix<Real>::Zero(parts, 1);
  first(0, 0) = 1.0;
  const double penalty = ridge * normal.trace() / static_cast<double>(parts);
  if (!(penalty > 0.0 && penalty < std::numeric_limits<double>::infinity())) return first;
  const Matrix<Real> regular = normal + penalty * Matrix<Real>::Identity(parts, parts);
  const Matrix<Real> pulled = right + penalty * first;
  return solve_symmetric(regular, pulled).x;
}

/// Weights of parts at one noise level, from their predictions (d, n), one batch each, of `target` (d, n).
template <class Scalar>
[[nodiscard]] Vector<double> blend_weights(const std::vector<Batch<Scalar>>& predictions, const Batch<Scalar>& target) {
  const auto parts = static_cast<Index>(predictions.size());
  std::vector<FoldProblem> folds;
  for (Index sample = 0; sample < target.cols(); ++sample) {
    Matrix<double> features(target.rows(), parts);
    for (Index k = 0; k < parts; ++k)
      features.col(k) = predictions[static_cast<std::size_t>(k)].col(sample).template cast<double>();
    folds.push_back({1.0 / static_cast<double>(target.cols()), features.transpose() * features,
                     features.transpose() * target.col(sample).template cast<double>()});
  }
  const std::vector<double> ridges{
      1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, std::numeric_limits<double>::infinity()};
  const double ridge = cross_validated_ridge(
      ridges, folds.size(), [&](std::ptrdiff_t /*left_out*/) -> const auto& { return folds; }, ridge_to_first<double>);
  const FoldProblem all = join_folds(folds);
  return ridge_to_first<double>(all.normal, all.right, ridge);
}

}  // namespace detail

/// The mixture of denoisers that predicts another one, a trained network, best: at every noise level the weights that
/// minimise sum |sum_k weight_k x0_hat_k - target|^2 over the network's own noisy samples, plus a ridge towards the
/// first denoiser alone. The ridge of each level is the one whose weights predict samples that were left out, one at a
/// time; an infinite ridge, which is the first denoiser itself, is among those that are tried, so that the mixture does
/// not lose to it where samples are few. noisy, targets: for every step of `levels` a batch (d, n), n >= 1, of noisy
/// samples and of what the network makes of them, such as a SampledTrajectory has. Cost: every denoiser once on all of
/// them. Throws InvalidArgument without denoisers or samples, DimensionMismatch, and what the denoisers throw.
template <class Scalar>
[[nodiscard]] BlendDenoiser<Scalar> fit_blend(std::vector<AnyDenoiser<Scalar>> parts,
                                              const std::vector<Batch<Scalar>>& noisy,
                                              const std::vector<Batch<Scalar>>& targets, const NoiseLevels& levels) {
  const auto steps = static_cast<std::size_t>(levels.steps());
  detail::require<DimensionMismatch>(noisy.size() == steps && targets.size() == steps, "fit_blend: ", noisy.size(),
                                     " noisy batches and ", targets.size(), " targets for ", steps, " noise levels");
  detail::require(!parts.empty(), "fit_blend: no denoisers, expected at least one");
  Matrix<double> weights(static_cast<Index>(parts.size()), levels.steps());
  for (Index step = 0; step < levels.steps(); ++step) {
    const Batch<Scalar>& y = noisy[static_cast<std::size_t>(step)];
    const Batch<Scalar>& target = targets[static_cast<std::size_t>(step)];
    detail::require(y.cols() >= 1, "fit_blend: no samples at step ", step, ", expected at least one");
    detail::require<DimensionMismatch>(y.rows() == target.rows() && y.cols() == target.cols(), "fit_blend: at step ",
                                       step, " the noisy samples are ", detail::shape_text(y), ", the targets ",
                                       detail::shape_text(target));
    std::vector<Batch<Scalar>> predictions;
    for (const AnyDenoiser<Scalar>& part : parts) predictions.push_back(part.denoise(y, levels[step]));
    weights.col(step) = detail::blend_weights(predictions, target);
  }
  return BlendDenoiser<Scalar>(std::move(parts), std::move(weights), levels);
}

}  // namespace diffarch
