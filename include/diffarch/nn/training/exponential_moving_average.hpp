#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "diffarch/core/error.hpp"
#include "diffarch/nn/kernels/host_copy.hpp"
#include "diffarch/nn/kernels/kernels.hpp"

namespace diffarch::nn {

/// How weights are averaged.
struct ExponentialMovingAverageOptions {
  double decay = 0.999;  ///< in [0, 1): the average spans about 1 / (1 - decay) updates
  bool warm_up = true;  ///< update n decays by min(decay, (1 + n) / (10 + n)), so that a short training is averaged too
};

/// The state of an average, in host memory. An average that continues from this state with the same options gives
/// bitwise the same results.
template <class Scalar>
struct ExponentialMovingAverageState {
  std::int64_t updates = 0;     ///< number of updates taken
  std::vector<Scalar> average;  ///< one per weight
};

/// The exponential moving average of the weights of a network over its training (Polyak averaging with forgetting):
/// average += (1 - decay_n) (weights - average) at update n = 1, 2, ..., from the weights it is made with. The warm-up
/// is that of tf.train.ExponentialMovingAverage and torch_ema.
/// Results are bitwise the same for any number of threads and however the weights are cut into pieces. An update
/// allocates nothing.
template <std::floating_point Scalar, class Kernels = DefaultKernels>
class ExponentialMovingAverage {
 public:
  using Options = ExponentialMovingAverageOptions;
  using State = ExponentialMovingAverageState<Scalar>;
  using Pieces = std::span<const std::span<const Scalar>>;  ///< weights in several arrays, in memory of the backend

  /// Begins at these weights. Throws InvalidArgument for a decay out of range.
  explicit ExponentialMovingAverage(Pieces weights, const Options& options = {})
      : options_(options), average_(total_size(weights)) {
    diffarch::detail::require(options.decay >= 0 && options.decay < 1, "ExponentialMovingAverage: decay is ",
                              options.decay, "; expected 0 <= decay < 1");
    Index begin = 0;
    for (const auto& piece : weights) {
      const auto count = static_cast<Index>(piece.size());
      Kernels::copy(piece.data(), count, average_.data() + begin);
      begin += count;
    }
  }
  explicit ExponentialMovingAverage(std::span<const Scalar> weights, const Options& options = {})
      : ExponentialMovingAverage(Pieces(&weights, 1), options) {}

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  /// In memory of the backend.
  [[nodiscard]] std::span<const Scalar> average() const noexcept { return average_.span(); }

  /// Decay of update n >= 1.
  [[nodiscard]] double decay_at(std::int64_t n) const noexcept {
    const auto count = static_cast<double>(n);
    return options_.warm_up ? std::min(options_.decay, (1 + count) / (10 + count)) : options_.decay;
  }

  /// Takes in the weights after a step of training. They lie in several arrays: `pieces` in the same order at every
  /// update, together as long as the average. Throws DimensionMismatch when they are not, before anything is changed.
  void update(Pieces pieces) {
    const Index total = total_size(pieces);
    diffarch::detail::require<DimensionMismatch>(total == average_.size(), "ExponentialMovingAverage: ", total,
                                                 " weights; expected ", average_.size(), ", as it was made for");
    ++updates_;
    const auto weight = static_cast<Scalar>(1 - decay_at(updates_));
    Index begin = 0;
    for (const auto& piece : pieces) {
      const auto count = static_cast<Index>(piece.size());
      Kernels::move_average(average_.data() + begin, piece.data(), count, weight);
      begin += count;
    }
  }

  /// Updates the average with weights that lie in one array.
  void update(std::span<const Scalar> weights) { update(Pieces(&weights, 1)); }

  /// Returns the state that a checkpoint keeps beside the options.
  [[nodiscard]] State state() const { return {updates_, host_copy<Kernels>(average())}; }
  /// Continues from a state that `state()` gave. Throws DimensionMismatch when it is of another number of weights,
  /// InvalidArgument when its update count is negative or a value is not finite; the present state is then unchanged.
  void restore(const State& state) {
    diffarch::detail::require<DimensionMismatch>(static_cast<Index>(state.average.size()) == average_.size(),
                                                 "ExponentialMovingAverage: a state of ", state.average.size(),
                                                 " weights; expected ", average_.size());
    diffarch::detail::require(state.updates >= 0, "ExponentialMovingAverage: a state of ", state.updates,
                              " updates; expected at least 0");
    for (std::size_t i = 0; i < state.average.size(); ++i)
      diffarch::detail::require(std::isfinite(state.average[i]), "ExponentialMovingAverage: the state of weight ", i,
                                " is ", state.average[i], "; expected a finite number");
    updates_ = state.updates;
    Kernels::copy_from_host(state.average.data(), average_.size(), average_.data());
  }

 private:
  [[nodiscard]] static Index total_size(Pieces pieces) {
    std::size_t total = 0;
    for (const auto& piece : pieces) total += piece.size();
    return static_cast<Index>(total);
  }

  Options options_;
  std::int64_t updates_ = 0;
  typename Kernels::template Buffer<Scalar> average_;
};

}  // namespace diffarch::nn
