#pragma once

#include <cmath>

#include "diffarch/core/error.hpp"
#include "diffarch/core/random.hpp"

namespace diffarch {

/// How many networks a model has: one for each noise level, as in the paper, or one for all of them.
enum class LevelSharing { per_level, one_network };

/// Whether one network for all levels is told the level of what it sees, or is blind (Kadkhodaie et al. 2024).
enum class Conditioning { none, noise_level };

/// How the networks of a model are trained: by Adam on the mean squared error, with fresh noise for every sample in
/// every epoch. The paper's: one network for each noise level, 500 epochs, learning rate 1e-4 (appendix B).
///
/// With `LevelSharing::one_network`, each sample of each batch has a level of its own, drawn uniformly from those of
/// the schedule. An epoch then shows every sample once, at one of the levels, so that epochs count for less than those
/// of one network for each level. How the network is joined to its input and output: see `nn::Preconditioning`.
struct TrainingOptions {
  Index epochs = 500;           ///< passes over the data, >= 1
  Index batch_size = 16;        ///< samples of a step, >= 1; of an epoch, the samples that fill no batch are left out
  double learning_rate = 1e-4;  ///< of Adam, > 0
  double averaging_decay = 0;   ///< > 0: the model takes the exponential moving average of the weights; in [0, 1)
  bool warm_start = false;      ///< each level begins with the weights of the noisier one before it
  Seed seed = {};               ///< of initial weights, order of the samples, their levels, and noise
  LevelSharing levels = LevelSharing::per_level;          ///< one network for each level, or one for all
  Conditioning conditioning = Conditioning::noise_level;  ///< of one network for all levels
};

/// Whether networks are to be told the noise level: what the `make_body` of an architecture asks.
[[nodiscard]] constexpr bool are_conditioned(const TrainingOptions& options) noexcept {
  return options.levels == LevelSharing::one_network && options.conditioning == Conditioning::noise_level;
}

namespace nn {

/// The step of a schedule that stands for all of them where one network is for all levels, in the names of files say.
inline constexpr Index every_step = -1;

}  // namespace nn

namespace detail {

/// Throws InvalidArgument, naming the option.
inline void check_training_options(const TrainingOptions& options, Index samples) {
  require(options.epochs >= 1, "TrainingOptions: epochs = ", options.epochs, ", expected at least 1");
  require(options.batch_size >= 1 && options.batch_size <= samples,
          "TrainingOptions: batch_size = ", options.batch_size, ", expected 1 <= batch_size <= ", samples,
          ", the number of samples");
  require(options.learning_rate > 0.0 && std::isfinite(options.learning_rate),
          "TrainingOptions: learning_rate = ", options.learning_rate, ", expected a finite number > 0");
  require(options.averaging_decay >= 0.0 && options.averaging_decay < 1.0,
          "TrainingOptions: averaging_decay = ", options.averaging_decay, ", expected 0 <= averaging_decay < 1");
  require(options.levels == LevelSharing::per_level || !options.warm_start,
          "TrainingOptions: warm_start with levels = LevelSharing::one_network, expected one of the two: one network "
          "for all levels has no level before it to begin with");
}

}  // namespace detail
}  // namespace diffarch
