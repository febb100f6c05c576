#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "diffarch/core/error.hpp"
#include "diffarch/core/parallel.hpp"

namespace diffarch::nn {

/// How weights are averaged.
struct ExponentialMovingAverageOptions {
  double decay = 0.999;  ///< in [0, 1): the average spans about 1 / (1 - decay) updates
  bool warm_up = true;  ///< update n decays by min(decay, (1 + n) / (10 + n)), so that a short training is averaged too
};

/// What an average remembers between updates: with it and the options it continues bitwise.
template <class Scalar>
struct ExponentialMovingAverageState {
  std::int64_t updates = 0;     ///< number of updates taken
  std::vector<Scalar> average;  ///< one per weight
};

namespace detail {

/// average += weight (values - average) on elements [0, count). The sum has one product: see adam_update.
template <class Scalar>
void move_average(Scalar* __restrict average, const Scalar* __restrict values, std::size_t count,
                  Scalar weight) noexcept {
#ifdef _OPENMP
#pragma omp simd
#endif
  for (std::size_t i = 0; i < count; ++i) average[i] += weight * (values[i] - average[i]);
}

}  // namespace detail

/// The exponential moving average of the weights of a network over its training (Polyak averaging with forgetting):
/// average += (1 - decay_n) (weights - average) at update n = 1, 2, ..., from the weights it is made with. The warm-up
/// is that of tf.train.ExponentialMovingAverage and torch_ema.
/// Results are bitwise the same for any number of threads and however the weights are cut into pieces. An update
/// allocates nothing.
template <std::floating_point Scalar>
class ExponentialMovingAverage {
 public:
  using Options = ExponentialMovingAverageOptions;
  using State = ExponentialMovingAverageState<Scalar>;

  /// Begins at these weights. Throws InvalidArgument for a decay out of range.
  explicit ExponentialMovingAverage(std::span<const Scalar> weights, const Options& options = {})
      : options_(options), state_{0, {weights.begin(), weights.end()}} {
    diffarch::detail::require(options.decay >= 0 && options.decay < 1, "ExponentialMovingAverage: decay is ",
                              options.decay, "; expected 0 <= decay < 1");
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] std::span<const Scalar> average() const noexcept { return state_.average; }

  /// Decay of update n >= 1.
  [[nodiscard]] double decay_at(std::int64_t n) const noexcept {
    const auto count = static_cast<double>(n);
    return options_.warm_up ? std::min(options_.decay, (1 + count) / (10 + count)) : options_.decay;
  }

  /// Takes in the weights after a step of training. They lie in several arrays: `pieces` in the same order at every
  /// update, together as long as the average. Throws DimensionMismatch when they are not, before anything is changed.
  void update(std::span<const std::span<const Scalar>> pieces) {
    std::size_t total = 0;
    for (const auto& piece : pieces) total += piece.size();
    diffarch::detail::require<DimensionMismatch>(total == state_.average.size(), "ExponentialMovingAverage: ", total,
                                                 " weights; expected ", state_.average.size(), ", as it was made for");
    ++state_.updates;
    const auto weight = static_cast<Scalar>(1 - decay_at(state_.updates));
    std::size_t begin = 0;
    for (const auto& piece : pieces) {
      take_in(piece, begin, weight);
      begin += piece.size();
    }
  }

  /// The same for weights in one array.
  void update(std::span<const Scalar> weights) { update(std::span<const std::span<const Scalar>>(&weights, 1)); }

  /// What a checkpoint has to hold beside the options.
  [[nodiscard]] const State& state() const noexcept { return state_; }
  /// Continues from a state that `state()` gave. Throws DimensionMismatch when it is of another number of weights,
  /// InvalidArgument when its update count is negative or a value is not finite; the present state is then unchanged.
  void restore(State state) {
    diffarch::detail::require<DimensionMismatch>(state.average.size() == state_.average.size(),
                                                 "ExponentialMovingAverage: a state of ", state.average.size(),
                                                 " weights; expected ", state_.average.size());
    diffarch::detail::require(state.updates >= 0, "ExponentialMovingAverage: a state of ", state.updates,
                              " updates; expected at least 0");
    for (std::size_t i = 0; i < state.average.size(); ++i)
      diffarch::detail::require(std::isfinite(state.average[i]), "ExponentialMovingAverage: the state of weight ", i,
                                " is ", state.average[i], "; expected a finite number");
    state_ = std::move(state);
  }

 private:
  /// Averages in the weights whose state begins at element `begin`.
  void take_in(std::span<const Scalar> weights, std::size_t begin, Scalar weight) {
    constexpr Index chunk_size = 8192;  // fixed, so that the tasks are the same for any thread count
    constexpr Index operations = 3;     // of one weight
    const auto count = static_cast<Index>(weights.size());
    parallel_for((count + chunk_size - 1) / chunk_size, operations * chunk_size, [&](Index chunk) {
      const Index first = chunk * chunk_size;
      detail::move_average(state_.average.data() + begin + first, weights.data() + first,
                           static_cast<std::size_t>(std::min(chunk_size, count - first)), weight);
    });
  }

  Options options_;
  State state_;
};

}  // namespace diffarch::nn
