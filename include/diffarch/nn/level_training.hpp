#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "diffarch/core/noise_level.hpp"
#include "diffarch/nn/adam.hpp"
#include "diffarch/nn/exponential_moving_average.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/training_options.hpp"

namespace diffarch {

namespace streams {
/// Order of the samples in the training of one level: one of 2^14 by the bits of sigma.
[[nodiscard]] constexpr Stream sample_order(double sigma) noexcept { return {0xC000U + level_number(sigma)}; }
}  // namespace streams

namespace nn {

/// Where a training stands: with the weights, all that has to be kept to continue it bitwise. Noise and the order of
/// the samples are functions of seed, level and epoch.
template <class Scalar>
struct TrainingState {
  Index epoch = 0;             ///< epochs that are complete
  Index step = 0;              ///< steps of the present epoch that are done
  double epoch_loss = 0.0;     ///< sum over these steps
  std::vector<double> losses;  ///< mean loss of every complete epoch
  AdamState<Scalar> optimiser;
  ExponentialMovingAverageState<Scalar> average;  ///< empty unless options.averaging_decay > 0
};

/// Training of one network for one noise level: E|D(signal x0 + noise epsilon) - x0|^2 per value, by Adam. Batches are
/// drawn and compared by the kernels; of a step, only the loss comes to the host.
template <class Body>
class LevelTraining {
 public:
  using Scalar = typename Body::Scalar;
  using Kernels = typename Body::Kernels;
  using Storage = typename Network<Body>::Storage;
  using State = TrainingState<Scalar>;

  /// Trains `network` from the weights it has on `data` (d, n) of its backend, both of which must outlive this. Noisy
  /// samples are in VP units, y = signal x0 + noise epsilon with signal^2 + noise^2 = 1, whatever the level's. Throws
  /// InvalidArgument for options out of range, DimensionMismatch for data of another dimension.
  LevelTraining(Network<Body>& network, const Storage& data, NoiseLevel level, const TrainingOptions& options)
      : network_(network), data_(data), level_(level.variance_preserving()), options_(options) {
    diffarch::detail::check_training_options(options, data.cols());
    diffarch::detail::require<DimensionMismatch>(data.rows() == network.input_shape().size(), "training: the data are ",
                                                 diffarch::detail::shape_text(data), " but the network takes ",
                                                 network.input_shape().size(), " values");
    Index count = 0;
    network.for_each_parameter([&](const Parameter<Scalar>& parameter) {
      if (!parameter.trainable()) return;
      count += static_cast<Index>(parameter.values.size());
      pieces_.push_back({parameter.values, parameter.gradient});
      weights_.emplace_back(parameter.values);
    });
    optimiser_.emplace(count, AdamOptions{.learning_rate = options.learning_rate});
    if (options.averaging_decay > 0.0) {
      average_.emplace(std::span<const std::span<const Scalar>>(weights_),
                       ExponentialMovingAverageOptions{.decay = options.averaging_decay});
    }
    order_.resize(static_cast<std::size_t>(data.cols()));
    uniforms_.resize(order_.size());
    samples_.resize(data.cols());
    clean_.resize(data.rows() * options.batch_size);
    noisy_ = Storage(data.rows(), options.batch_size);
    shuffle();
  }

  [[nodiscard]] Index steps_per_epoch() const noexcept { return data_.cols() / options_.batch_size; }
  [[nodiscard]] bool is_done() const noexcept { return state_.epoch >= options_.epochs; }
  [[nodiscard]] NoiseLevel level() const noexcept { return level_; }  ///< in VP units
  [[nodiscard]] Index sample_count() const noexcept { return data_.cols(); }
  [[nodiscard]] const TrainingOptions& options() const noexcept { return options_; }

  /// One step on the next batch; its loss. Throws NumericalError, naming sigma, epoch and step, when it is not finite:
  /// the weights are then those of before the step, but running statistics of batch norms have seen the batch.
  double step() {
    draw_batch();
    const Storage& x0_hat = network_.forward(noisy_, Mode::train);
    const double loss = Kernels::mean_squared_error(x0_hat.data(), std::as_const(clean_).data(),
                                                    network_.output_gradient().data(), clean_.size());
    diffarch::detail::require<NumericalError>(std::isfinite(loss), "training: the loss is ", loss,
                                              " at sigma = ", level_.sigma(), ", epoch ", state_.epoch + 1, " of ",
                                              options_.epochs, ", step ", state_.step + 1, " of ", steps_per_epoch(),
                                              "; a smaller learning rate may help");
    network_.backward(noisy_);
    optimiser_->step(pieces_);
    if (average_) average_->update(std::span<const std::span<const Scalar>>(weights_));
    state_.epoch_loss += loss;
    if (++state_.step == steps_per_epoch()) {
      state_.losses.push_back(state_.epoch_loss / static_cast<double>(state_.step));
      state_.epoch_loss = 0.0;
      state_.step = 0;
      ++state_.epoch;
      if (!is_done()) shuffle();
    }
    return loss;
  }

  /// The weights that the model takes: those of the network, or their average.
  void finish() {
    if (!average_) return;
    const Scalar* from = average_->average().data();
    for (const auto& piece : pieces_) {
      Kernels::copy(from, static_cast<Index>(piece.parameters.size()), piece.parameters.data());
      from += piece.parameters.size();
    }
  }

  /// What a checkpoint keeps beside the tensors of the network.
  [[nodiscard]] State state() const {
    State state = state_;
    state.optimiser = optimiser_->state();
    if (average_) state.average = average_->state();
    return state;
  }

  /// Continues from a state; the network must hold the weights that belong to it. Throws InvalidArgument or
  /// DimensionMismatch when it cannot be one of this training.
  void restore(State state) {
    diffarch::detail::require(
        state.epoch >= 0 && state.epoch <= options_.epochs && state.step >= 0 && state.step < steps_per_epoch() &&
            state.losses.size() == static_cast<std::size_t>(state.epoch),
        "training: a state at epoch ", state.epoch, ", step ", state.step, " with ", state.losses.size(),
        " losses; expected at most ", options_.epochs, " epochs of ", steps_per_epoch(), " steps, one loss for each");
    optimiser_->restore(state.optimiser);
    if (average_) average_->restore(state.average);
    state.optimiser = {};
    state.average = {};
    state_ = std::move(state);
    shuffle();
  }

  [[nodiscard]] const std::vector<double>& losses() const noexcept { return state_.losses; }
  [[nodiscard]] Index epoch() const noexcept { return state_.epoch; }
  /// Since the beginning, epochs that are complete included.
  [[nodiscard]] Index steps_done() const noexcept { return state_.epoch * steps_per_epoch() + state_.step; }

 private:
  /// The order of the samples in this epoch (Fisher and Yates).
  void shuffle() {
    std::iota(order_.begin(), order_.end(), Index{0});
    const CounterRandom random(options_.seed, streams::sample_order(level_.sigma()));
    random.uniforms(state_.epoch, uniforms_);
    for (std::size_t i = order_.size() - 1; i > 0; --i) {
      const auto j = static_cast<std::size_t>(uniforms_[i] * static_cast<double>(i + 1));
      std::swap(order_[i], order_[std::min(i, j)]);
    }
    Kernels::copy_from_host(order_.data(), samples_.size(), samples_.data());
  }

  void draw_batch() {
    Kernels::noisy_batch(CounterRandom(options_.seed, streams::fit_noise(level_.sigma())), data_.data(), data_.rows(),
                         std::as_const(samples_).data() + state_.step * options_.batch_size, options_.batch_size,
                         state_.epoch * data_.cols(),  // never the same noise twice
                         static_cast<Scalar>(level_.signal), static_cast<Scalar>(level_.noise), clean_.data(),
                         noisy_.data());
  }

  Network<Body>& network_;
  const Storage& data_;
  NoiseLevel level_;
  TrainingOptions options_;
  std::vector<ParametersWithGradient<Scalar>> pieces_;
  std::vector<std::span<const Scalar>> weights_;
  std::optional<Adam<Scalar, Kernels>> optimiser_;
  std::optional<ExponentialMovingAverage<Scalar, Kernels>> average_;
  std::vector<Index> order_;
  std::vector<double> uniforms_;                      ///< as many, for `shuffle`
  typename Kernels::template Buffer<Index> samples_;  ///< order_, where the kernels read it
  typename Kernels::template Buffer<Scalar> clean_;
  Storage noisy_;
  State state_;
};

}  // namespace nn
}  // namespace diffarch
