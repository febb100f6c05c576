#pragma once

#include <utility>
#include <vector>

#include "diffarch/sampler/trajectory.hpp"

namespace diffarch {

/// Keeps what the denoiser predicted at every step. Pass one to `DiffusionSampler::sample` or `sample_from`:
///
///   PredictionLog<float> log;
///   auto images = sampler.sample_from(noise, seed, log);
///   save_grid("steps.png", log.predictions()[3], shape);   // x0_hat of the fourth step, (d, n)
///
/// The last element is the samples. Memory: steps x d x n numbers. Scalar is that of the samples, B where they are
/// made. For one call of the sampler; another needs a log of its own, or `clear`.
template <class Scalar, class B = Cpu>
class PredictionLog {
 public:
  using Storage = typename B::template Storage<Scalar>;

  /// Records a step; the sampler calls it. Throws DimensionMismatch when the step does not follow the steps before it,
  /// as in another call of the sampler.
  void operator()(const SamplerStep<Storage>& step) {
    if (predictions_.empty()) predictions_.resize(static_cast<std::size_t>(step.steps));
    detail::require<DimensionMismatch>(static_cast<Index>(predictions_.size()) == step.steps,
                                       "PredictionLog: a trajectory of ", step.steps, " steps after one of ",
                                       predictions_.size(), "; clear() the log between two calls of a sampler");
    Batch<Scalar>& all = predictions_[static_cast<std::size_t>(step.step)];
    Batch<Scalar> x0_hat = B::download(step.x0_hat);
    detail::require<DimensionMismatch>(
        all.cols() == step.first_sample && (all.size() == 0 || all.rows() == x0_hat.rows()),
        "PredictionLog: samples from number ", step.first_sample, " on after ", all.cols(),
        " samples; clear() the log between two calls of a sampler");
    if (step.first_sample == 0) {
      all = std::move(x0_hat);
      return;
    }
    all.conservativeResize(Eigen::NoChange, all.cols() + x0_hat.cols());
    all.rightCols(x0_hat.cols()) = x0_hat;
  }

  /// x0_hat (d, n) of every step, noisiest first; empty before the first step.
  [[nodiscard]] const std::vector<Batch<Scalar>>& predictions() const noexcept { return predictions_; }
  void clear() noexcept { predictions_.clear(); }

 private:
  std::vector<Batch<Scalar>> predictions_;
};

}  // namespace diffarch
