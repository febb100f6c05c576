#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "diffarch/core/noise_level.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/nn/kernels/level_features.hpp"
#include "diffarch/nn/kernels/training_levels.hpp"
#include "diffarch/nn/training/preconditioning.hpp"
#include "diffarch/nn/training/training_options.hpp"

namespace diffarch::nn {

/// The batches of a training: inputs and targets of its networks, drawn by the kernels. All random numbers are
/// functions of seed, stream, epoch and sample, so that a batch is bitwise the same whatever was drawn before.
template <class Scalar, class Kernels>
class TrainingBatches {
 public:
  using Storage = typename Kernels::BackendType::template Storage<Scalar>;

  virtual ~TrainingBatches() = default;
  TrainingBatches(const TrainingBatches&) = delete;
  TrainingBatches& operator=(const TrainingBatches&) = delete;

  /// Draws what is of a whole epoch: the order of the samples.
  virtual void begin_epoch(Index epoch) = 0;
  /// Draws the batch of one step of the epoch that was begun.
  virtual void draw(Index epoch, Index step) = 0;

  /// Writes the `level_features` of the samples of a step, (level_feature_count, batch size): for one network for all
  /// levels.
  virtual void tell_levels(Index /*step*/, Scalar* /*features*/) const {}

  /// The input of the networks, (d, batch size times networks); it stays where it is.
  [[nodiscard]] const Storage& input() const noexcept { return input_; }
  /// Returns the target of the networks, of the size of the input.
  [[nodiscard]] const Scalar* target() const noexcept { return target_.data(); }

 protected:
  /// For batches of so many columns in all from `data` (d, n), which must outlive this.
  TrainingBatches(const Storage& data, const TrainingOptions& options, Index columns)
      : data_(data), options_(options), input_(data.rows(), columns), target_(data.rows() * columns) {}

  /// Puts the numbers 0 ... n - 1 into a random order (Fisher and Yates) by random numbers of an epoch.
  void shuffle(Stream stream, Index epoch, std::span<Index> order, std::span<double> uniforms) const {
    std::iota(order.begin(), order.end(), Index{0});
    CounterRandom(options_.seed, stream).uniforms(epoch, uniforms);
    for (std::size_t i = order.size() - 1; i > 0; --i) {
      const auto j = static_cast<std::size_t>(uniforms[i] * static_cast<double>(i + 1));
      std::swap(order[i], order[std::min(i, j)]);
    }
  }

  template <class Number>
  using Buffer = typename Kernels::template Buffer<Number>;

  const Storage& data_;
  TrainingOptions options_;
  Storage input_;
  Buffer<Scalar> target_;
};

/// Batches of one network for each of some levels, each with samples and noise of its own: what a stack trains on. The
/// target is the clean sample; noisy samples are in VP units.
template <class Scalar, class Kernels>
class LevelBatches : public TrainingBatches<Scalar, Kernels> {
  using Base = TrainingBatches<Scalar, Kernels>;

 public:
  /// Levels in VP units.
  LevelBatches(const typename Base::Storage& data, std::vector<NoiseLevel> levels, const TrainingOptions& options)
      : Base(data, options, options.batch_size * static_cast<Index>(levels.size())), levels_(std::move(levels)) {
    order_.resize(static_cast<std::size_t>(data.cols()) * levels_.size());
    uniforms_.resize(order_.size());
    samples_.resize(static_cast<Index>(order_.size()));
    store_levels();
  }

  /// Another order for each level.
  void begin_epoch(Index epoch) override {
    const auto size = static_cast<std::size_t>(this->data_.cols());
    constexpr Index operations = 30;  // of one sample
    parallel_for(level_count(), operations * this->data_.cols(), [&](Index level) {
      const auto at = static_cast<std::size_t>(level);
      this->shuffle(streams::sample_order(levels_[at].sigma()), epoch, std::span(order_).subspan(at * size, size),
                    std::span(uniforms_).subspan(at * size, size));
    });
    Kernels::copy_from_host(order_.data(), samples_.size(), samples_.data());
  }

  void draw(Index epoch, Index step) override {
    const Scalar* const weights = std::as_const(level_weights_).data();
    const TrainingLevels<Scalar> levels{level_count(), std::as_const(level_streams_).data(), weights,
                                        weights + level_count()};
    const auto& data = this->data_;
    const Index count = this->options_.batch_size;
    Kernels::noisy_batch(this->options_.seed, levels, data.data(), data.rows(), data.cols(),
                         std::as_const(samples_).data() + step * count, count,
                         epoch * data.cols(),  // never the same noise twice
                         this->target_.data(), this->input_.data());
  }

 private:
  [[nodiscard]] Index level_count() const noexcept { return static_cast<Index>(levels_.size()); }

  /// The levels, where the kernels read them.
  void store_levels() {
    std::vector<Index> noise_streams;
    std::vector<Scalar> weights;  // signals, then noises
    for (const NoiseLevel& level : levels_) {
      noise_streams.push_back(static_cast<Index>(streams::fit_noise(level.sigma()).value));
      weights.push_back(static_cast<Scalar>(level.signal));
    }
    for (const NoiseLevel& level : levels_) weights.push_back(static_cast<Scalar>(level.noise));
    level_streams_.resize(level_count());
    Kernels::copy_from_host(noise_streams.data(), level_count(), level_streams_.data());
    level_weights_.resize(2 * level_count());
    Kernels::copy_from_host(weights.data(), 2 * level_count(), level_weights_.data());
  }

  std::vector<NoiseLevel> levels_;
  std::vector<Index> order_;                       ///< (n, levels)
  std::vector<double> uniforms_;                   ///< as many, for `shuffle`
  typename Base::template Buffer<Index> samples_;  ///< order_, where the kernels read it
  typename Base::template Buffer<Index> level_streams_;
  typename Base::template Buffer<Scalar> level_weights_;
};

/// Batches of one network for all of some levels: each sample of a batch has a level of its own, drawn uniformly anew
/// in every epoch. Input and target are those of `Preconditioning`.
template <class Scalar, class Kernels>
class SharedBatches : public TrainingBatches<Scalar, Kernels> {
  using Base = TrainingBatches<Scalar, Kernels>;

 public:
  SharedBatches(const typename Base::Storage& data, const std::vector<NoiseLevel>& levels,
                const Preconditioning& preconditioning, const TrainingOptions& options)
      : Base(data, options, options.batch_size), level_count_(levels.size()) {
    std::vector<Scalar> weights;
    std::vector<Scalar> features;
    for (const NoiseLevel& level : levels) {
      const auto [input_signal, input_noise, target_signal, target_noise] = preconditioning.sums(level);
      for (const double weight : {input_signal, input_noise, target_signal, target_noise})
        weights.push_back(static_cast<Scalar>(weight));
      for (const double feature : level_features(level)) features.push_back(static_cast<Scalar>(feature));
    }
    weights_.resize(static_cast<Index>(weights.size()));
    Kernels::copy_from_host(weights.data(), weights_.size(), weights_.data());
    features_.resize(static_cast<Index>(features.size()));
    Kernels::copy_from_host(features.data(), features_.size(), features_.data());
    order_.resize(static_cast<std::size_t>(data.cols()));
    levels_.resize(order_.size());
    uniforms_.resize(order_.size());
    samples_.resize(data.cols());
    column_levels_.resize(data.cols());
  }

  /// Also the level of every sample.
  void begin_epoch(Index epoch) override {
    this->shuffle(streams::shared_order, epoch, order_, uniforms_);
    CounterRandom(this->options_.seed, streams::level_choices).uniforms(epoch, uniforms_);
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const double uniform = uniforms_[static_cast<std::size_t>(order_[i])];
      const auto level = static_cast<std::size_t>(uniform * static_cast<double>(level_count_));
      levels_[i] = static_cast<Index>(std::min(level, level_count_ - 1));
    }
    Kernels::copy_from_host(order_.data(), samples_.size(), samples_.data());
    Kernels::copy_from_host(levels_.data(), column_levels_.size(), column_levels_.data());
  }

  void draw(Index epoch, Index step) override {
    const SharedLevels<Scalar> levels{static_cast<Index>(streams::shared_noise.value), std::as_const(weights_).data()};
    const auto& data = this->data_;
    const Index count = this->options_.batch_size;
    Kernels::mixed_batch(this->options_.seed, levels, data.data(), data.rows(),
                         std::as_const(samples_).data() + step * count,
                         std::as_const(column_levels_).data() + step * count, count, epoch * data.cols(),
                         this->target_.data(), this->input_.data());
  }

  void tell_levels(Index step, Scalar* features) const override {
    const Index count = this->options_.batch_size;
    Kernels::gather_columns(features_.data(), level_feature_count, column_levels_.data() + step * count, count,
                            features);
  }

 private:
  std::size_t level_count_;
  std::vector<Index> order_;
  std::vector<Index> levels_;  ///< of the samples in this order
  std::vector<double> uniforms_;
  typename Base::template Buffer<Index> samples_;        ///< order_, where the kernels read it
  typename Base::template Buffer<Index> column_levels_;  ///< levels_, there
  typename Base::template Buffer<Scalar> weights_;       ///< (4, levels), see `SharedLevels`
  typename Base::template Buffer<Scalar> features_;      ///< (level_feature_count, levels)
};

}  // namespace diffarch::nn
