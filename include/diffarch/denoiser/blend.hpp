#pragma once

#include <algorithm>
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

/// Returns the problem of the parts in `chosen` alone, their weights in the order of `chosen`.
template <class Problem>
[[nodiscard]] Problem problem_of_parts(const Problem& problem, const std::vector<Index>& chosen) {
  return {problem.weight, problem.normal(chosen, chosen), problem.right(chosen, 0)};
}

/// A fit to some of the parts.
struct PartialBlend {
  std::vector<Index> chosen;
  Matrix<double> weights;  ///< (chosen, 1)
  double left_out_error;
};

/// The fit to the parts in `chosen` with the ridge that predicts left-out samples best.
template <class Problem>
[[nodiscard]] PartialBlend cross_validated_blend(const std::vector<Problem>& folds, std::vector<Index> chosen) {
  std::vector<Problem> problems;
  for (const Problem& fold : folds) problems.push_back(problem_of_parts(fold, chosen));
  const std::vector<double> ridges{
      1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, std::numeric_limits<double>::infinity()};
  const ChosenRidge best = cross_validated_ridge(
      ridges, problems.size(), [&](std::ptrdiff_t /*left_out*/) -> const auto& { return problems; },
      ridge_to_first<double>);
  const Problem all = join_folds(problems);
  return {std::move(chosen), ridge_to_first<double>(all.normal, all.right, best.ridge), best.left_out_error};
}

/// The part whose addition to the chosen ones lowers the error on all samples most.
template <class Problem>
[[nodiscard]] Index most_helpful_part(const Problem& all, std::vector<Index> chosen) {
  constexpr double least_ridge = 1e-6;
  Index best = -1;
  double least = std::numeric_limits<double>::infinity();
  chosen.push_back(0);
  for (Index part = 0; part < all.normal.rows(); ++part) {
    if (std::find(chosen.begin(), chosen.end() - 1, part) != chosen.end() - 1) continue;
    chosen.back() = part;
    const Problem problem = problem_of_parts(all, chosen);
    const Matrix<double> x = ridge_to_first<double>(problem.normal, problem.right, least_ridge);
    const double error = x.cwiseProduct(problem.normal * x - 2.0 * problem.right).sum();
    if (best >= 0 && !(error < least)) continue;
    best = part;
    least = error;
  }
  return best;
}

}  // namespace detail

/// Options of `blend_weights` and `fit_blend`.
struct BlendOptions {
  Index most_parts = 6;  ///< denoisers with a weight other than 0 at one noise level, >= 1
};

/// Weights of denoisers at one noise level, (parts), from their predictions of `target` (d, n), a batch (d, n) of each:
/// see `fit_blend`. Cost O(d n parts^2). Throws InvalidArgument without predictions or samples, or for options out of
/// range, DimensionMismatch.
template <class Scalar>
[[nodiscard]] Vector<double> blend_weights(const std::vector<Batch<Scalar>>& predictions, const Batch<Scalar>& target,
                                           const BlendOptions& options = {}) {
  detail::require(options.most_parts >= 1, "BlendOptions: most_parts = ", options.most_parts, ", expected at least 1");
  detail::require(!predictions.empty() && target.cols() >= 1, "blend_weights: ", predictions.size(), " predictions of ",
                  target.cols(), " samples; expected at least one of one");
  for (const Batch<Scalar>& prediction : predictions)
    detail::require<DimensionMismatch>(prediction.rows() == target.rows() && prediction.cols() == target.cols(),
                                       "blend_weights: a prediction is ", detail::shape_text(prediction),
                                       ", the target ", detail::shape_text(target));
  const auto parts = static_cast<Index>(predictions.size());
  std::vector<FoldProblem> folds;
  for (Index sample = 0; sample < target.cols(); ++sample) {
    Matrix<double> features(target.rows(), parts);
    for (Index k = 0; k < parts; ++k)
      features.col(k) = predictions[static_cast<std::size_t>(k)].col(sample).template cast<double>();
    folds.push_back({1.0 / static_cast<double>(target.cols()), features.transpose() * features,
                     features.transpose() * target.col(sample).template cast<double>()});
  }
  const FoldProblem all = join_folds(folds);
  detail::PartialBlend blend = detail::cross_validated_blend(folds, {0});
  while (static_cast<Index>(blend.chosen.size()) < std::min(options.most_parts, parts)) {
    std::vector<Index> more = blend.chosen;
    more.push_back(detail::most_helpful_part(all, more));
    detail::PartialBlend next = detail::cross_validated_blend(folds, std::move(more));
    if (!(next.left_out_error < blend.left_out_error)) break;
    blend = std::move(next);
  }
  Vector<double> weights = Vector<double>::Zero(parts);
  weights(blend.chosen) = blend.weights.col(0);
  return weights;
}

/// The mixture of denoisers that predicts another one, a trained network, best: at every noise level the weights that
/// minimise sum |sum_k weight_k x0_hat_k - target|^2 over the network's own noisy samples, plus a ridge towards the
/// first denoiser alone. Denoisers are taken one after the other, the first one first, then each time the one that
/// lowers the error most (orthogonal matching pursuit, Pati et al. 1993), as long as that predicts samples better that
/// were left out, one at a time; the ridge is chosen by the same samples. An infinite ridge, which is the first
/// denoiser itself, is among those that are tried, so that the mixture does not lose to it where samples are few.
///
/// noisy, targets: for every step of `levels` a batch (d, n), n >= 1, of noisy samples and of what the network makes of
/// them, such as a SampledTrajectory has. Cost: every denoiser once on all of them, and `blend_weights` for every
/// level. Throws InvalidArgument without denoisers or samples or for options out of range, DimensionMismatch, and what
/// the denoisers throw.
template <class Scalar>
[[nodiscard]] BlendDenoiser<Scalar> fit_blend(std::vector<AnyDenoiser<Scalar>> parts,
                                              const std::vector<Batch<Scalar>>& noisy,
                                              const std::vector<Batch<Scalar>>& targets, const NoiseLevels& levels,
                                              const BlendOptions& options = {}) {
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
    weights.col(step) = blend_weights(predictions, target, options);
  }
  return BlendDenoiser<Scalar>(std::move(parts), std::move(weights), levels);
}

}  // namespace diffarch
