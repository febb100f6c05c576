#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/noise_level.hpp"
#include "diffarch/core/noise_levels.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/training/adam.hpp"
#include "diffarch/nn/training/exponential_moving_average.hpp"
#include "diffarch/nn/training/preconditioning.hpp"
#include "diffarch/nn/training/training_batches.hpp"
#include "diffarch/nn/training/training_options.hpp"

namespace diffarch {

namespace nn {

/// The state of a training. A training that continues from this state and the weights of its networks gives bitwise the
/// same results. The state holds no random numbers: noise and the order of the samples are functions of seed, level and
/// epoch.
template <class Scalar>
struct TrainingState {
  Index epoch = 0;                   ///< epochs that are complete
  Index step = 0;                    ///< steps of the present epoch that are done
  std::vector<double> epoch_losses;  ///< of every level, sum over these steps
  std::vector<double> losses;        ///< of every complete epoch: of every level, mean over its steps
  AdamState<Scalar> optimiser;
  ExponentialMovingAverageState<Scalar> average;  ///< empty unless options.averaging_decay > 0
};

/// The levels of one network for all of them, and how the network is joined to y.
struct SharedTraining {
  NoiseLevels levels;               ///< all but the clean one at their end
  Preconditioning preconditioning;  ///< between y and the network
};

/// Training of one network for one noise level: E|D(signal x0 + noise epsilon) - x0|^2 per value, by Adam. Batches are
/// drawn and compared by the kernels; of a step, only the loss comes to the host. Or of a stack of networks, each for a
/// level of its own and with batches of its own: each becomes what it would become alone, up to the order of the sums
/// in the kernels' products. Or of one network for all of several levels, joined to y by a `Preconditioning`; its loss
/// is then that of the network.
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
      : LevelTraining(network, data, std::vector<NoiseLevel>{level}, options) {}

  /// Trains a stack of networks, one for each of `levels`. Throws like the constructor of one level, InvalidArgument
  /// for networks that are told the noise level, and DimensionMismatch when the stack has another number of networks
  /// than there are levels.
  LevelTraining(Network<Body>& network, const Storage& data, std::vector<NoiseLevel> levels,
                const TrainingOptions& options)
      : network_(network), data_(data), levels_(std::move(levels)), options_(options) {
    diffarch::detail::require<DimensionMismatch>(level_count() == network.networks(), "training: ", level_count(),
                                                 " noise levels for ", network.networks(),
                                                 " networks; expected one for each");
    diffarch::detail::require(!network.is_conditioned(),
                              "training: a network that is told the noise level, for one level; expected one that is "
                              "not, or all levels");
    for (NoiseLevel& level : levels_) level = level.variance_preserving();
    check_data();
    batches_ = std::make_unique<LevelBatches<Scalar, Kernels>>(data, levels_, options);
    begin();
  }

  /// Trains one network for all of `levels`. Throws like the constructor of one level, and DimensionMismatch for a
  /// stack.
  LevelTraining(Network<Body>& network, const Storage& data, const NoiseLevels& levels,
                const Preconditioning& preconditioning, const TrainingOptions& options)
      : network_(network), data_(data), options_(options), shared_(SharedTraining{levels, preconditioning}) {
    diffarch::detail::require<DimensionMismatch>(network.networks() == 1, "training: a stack of ", network.networks(),
                                                 " networks for all levels; expected one network");
    check_data();
    batches_ = std::make_unique<SharedBatches<Scalar, Kernels>>(
        data, std::vector<NoiseLevel>(levels.begin(), levels.end() - 1), preconditioning, options);
    begin();
  }

  [[nodiscard]] Index steps_per_epoch() const noexcept { return data_.cols() / options_.batch_size; }
  [[nodiscard]] bool is_done() const noexcept { return state_.epoch >= options_.epochs; }
  /// How many networks are trained, each of which has a loss.
  [[nodiscard]] Index level_count() const noexcept { return shared_ ? 1 : static_cast<Index>(levels_.size()); }
  /// What one network for all levels is trained for; nothing where each level has a network.
  [[nodiscard]] const std::optional<SharedTraining>& shared() const noexcept { return shared_; }
  /// In VP units; of a stack, the first. Not of one network for all levels.
  [[nodiscard]] NoiseLevel level() const noexcept { return levels_.front(); }
  [[nodiscard]] Index sample_count() const noexcept { return data_.cols(); }
  [[nodiscard]] const TrainingOptions& options() const noexcept { return options_; }

  /// One step on the next batch; its loss, of a stack the mean of the levels' losses. Throws NumericalError, naming
  /// sigma, epoch and step, when one is not finite: the weights are then those of before the step, but running
  /// statistics of batch norms have seen the batch. Throws what `require_finite` throws at the end of the training and
  /// of epochs, 50 steps apart at least.
  double step() {
    draw_batch();
    const Storage& output = network_.forward(batches_->input(), Mode::train);
    Kernels::mean_squared_errors(output.data(), batches_->target(), network_.output_gradient().data(),
                                 data_.rows() * options_.batch_size, level_count(), step_losses_.data());
    for (std::size_t i = 0; i < step_losses_.size(); ++i)
      if (!std::isfinite(step_losses_[i]))
        diverged(diffarch::detail::concat("the loss is ", step_losses_[i]), i, steps_done() + 1);
    network_.backward(batches_->input());
    optimiser_->step(pieces_);
    if (average_) average_->update(std::span<const std::span<const Scalar>>(weights_));
    for (std::size_t i = 0; i < step_losses_.size(); ++i) state_.epoch_losses[i] += step_losses_[i];
    if (++state_.step == steps_per_epoch()) {
      for (double& loss : state_.epoch_losses)
        state_.losses.push_back(std::exchange(loss, 0.0) / static_cast<double>(state_.step));
      state_.step = 0;
      ++state_.epoch;
      constexpr Index steps_between_checks = 50;
      if (is_done() || steps_done() - checked_at_ >= steps_between_checks) require_finite();
      if (!is_done()) batches_->begin_epoch(state_.epoch);
    }
    return std::accumulate(step_losses_.begin(), step_losses_.end(), 0.0) / static_cast<double>(step_losses_.size());
  }

  /// Throws NumericalError, naming the tensor, sigma, epoch and step, unless all weights, running statistics, and what
  /// the optimiser remembers are finite: a loss can stay finite when they are not. Reads all of them once.
  void require_finite() {
    checked_at_ = steps_done();
    network_.for_each_parameter([&](const Parameter<Scalar>& parameter) {
      require_finite(parameter.name, parameter.values.data(), static_cast<Index>(parameter.values.size()));
    });
    for (const auto& moments : {optimiser_->mean(), optimiser_->mean_squared()})
      if (!Kernels::all_finite(moments.data(), static_cast<Index>(moments.size())))
        diverged("a moment of Adam is not finite", 0, steps_done());
  }

  /// Gives the network the weights that the model takes: those that it has, or their average. Throws NumericalError
  /// when these, the running statistics, or what the network makes of a batch in evaluation are not finite.
  void finish() {
    if (average_) {
      const Scalar* from = average_->average().data();
      for (const auto& piece : pieces_) {
        Kernels::copy(from, static_cast<Index>(piece.parameters.size()), piece.parameters.data());
        from += piece.parameters.size();
      }
    }
    require_finite();
    draw_batch();
    const Storage& output = network_.forward(batches_->input(), Mode::evaluate);
    require_finite("x0_hat in evaluation", output.data(), output.rows() * output.cols());
  }

  /// Returns the state that a checkpoint keeps beside the tensors of the network.
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
            state.losses.size() == static_cast<std::size_t>(state.epoch) * step_losses_.size() &&
            state.epoch_losses.size() == step_losses_.size(),
        "training: a state at epoch ", state.epoch, ", step ", state.step, " with ", state.losses.size(),
        " losses of epochs and ", state.epoch_losses.size(), " of steps; expected at most ", options_.epochs,
        " epochs of ", steps_per_epoch(), " steps, and of each level one loss for each epoch and one of steps");
    optimiser_->restore(state.optimiser);
    if (average_) average_->restore(state.average);
    state.optimiser = {};
    state.average = {};
    state_ = std::move(state);
    batches_->begin_epoch(state_.epoch);
  }

  /// Mean loss of every complete epoch, of one level.
  [[nodiscard]] std::vector<double> losses(Index level = 0) const {
    std::vector<double> losses;
    for (auto at = static_cast<std::size_t>(level); at < state_.losses.size(); at += step_losses_.size())
      losses.push_back(state_.losses[at]);
    return losses;
  }
  [[nodiscard]] Index epoch() const noexcept { return state_.epoch; }
  /// Since the beginning, epochs that are complete included.
  [[nodiscard]] Index steps_done() const noexcept { return state_.epoch * steps_per_epoch() + state_.step; }

 private:
  void check_data() const {
    diffarch::detail::check_training_options(options_, data_.cols());
    diffarch::detail::require<DimensionMismatch>(data_.rows() == network_.input_shape().size(),
                                                 "training: the data are ", diffarch::detail::shape_text(data_),
                                                 " but the network takes ", network_.input_shape().size(), " values");
  }

  void begin() {
    Index count = 0;
    network_.for_each_parameter([&](const Parameter<Scalar>& parameter) {
      if (!parameter.trainable()) return;
      count += static_cast<Index>(parameter.values.size());
      pieces_.push_back({parameter.values, parameter.gradient});
      weights_.emplace_back(parameter.values);
    });
    optimiser_.emplace(count, AdamOptions{.learning_rate = options_.learning_rate});
    if (options_.averaging_decay > 0.0) {
      average_.emplace(std::span<const std::span<const Scalar>>(weights_),
                       ExponentialMovingAverageOptions{.decay = options_.averaging_decay});
    }
    step_losses_.resize(static_cast<std::size_t>(level_count()));
    state_.epoch_losses.resize(step_losses_.size());
    batches_->begin_epoch(0);
  }

  void draw_batch() {
    batches_->draw(state_.epoch, state_.step);
    if (network_.is_conditioned())
      batches_->tell_levels(state_.step, network_.level_features(batches_->input().cols()));
  }

  [[noreturn]] void diverged(const std::string& what, std::size_t level, Index steps) const {
    using diffarch::detail::concat;
    const Index before = std::max<Index>(steps, 1) - 1;
    const std::string place =
        shared_ ? std::string(" in the network for all levels") : concat(" at sigma = ", levels_[level].sigma());
    throw NumericalError(concat("training: ", what, place, ", epoch ", before / steps_per_epoch() + 1, " of ",
                                options_.epochs, ", step ", before % steps_per_epoch() + 1, " of ", steps_per_epoch(),
                                "; the training has diverged: a smaller learning rate may help"));
  }

  /// Throws NumericalError, which names the level, unless all values are finite. A stack has the values of its levels
  /// one after the other.
  void require_finite(const std::string& name, const Scalar* values, Index count) const {
    if (Kernels::all_finite(values, count)) return;
    const Index each = count / level_count();
    for (std::size_t i = 0; i < step_losses_.size(); ++i)
      if (!Kernels::all_finite(values + static_cast<Index>(i) * each, each))
        diverged(name + " is not finite", i, steps_done());
  }

  Network<Body>& network_;
  const Storage& data_;
  std::vector<NoiseLevel> levels_;  ///< one for each network; empty for one network for all
  TrainingOptions options_;
  std::optional<SharedTraining> shared_;
  std::vector<ParametersWithGradient<Scalar>> pieces_;
  std::vector<std::span<const Scalar>> weights_;
  std::optional<Adam<Scalar, Kernels>> optimiser_;
  std::optional<ExponentialMovingAverage<Scalar, Kernels>> average_;
  std::unique_ptr<TrainingBatches<Scalar, Kernels>> batches_;
  std::vector<double> step_losses_;  ///< of every network
  Index checked_at_ = 0;             ///< step of the last `require_finite`
  State state_;
};

}  // namespace nn
}  // namespace diffarch
