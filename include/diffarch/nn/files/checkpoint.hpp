#pragma once

#include <cstdint>
#include <filesystem>
#include <locale>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/nn/files/weights_file.hpp"
#include "diffarch/nn/training/level_training.hpp"

// Checkpoints of a training as safetensors files. Needs nlohmann-json (diffarch::json).

namespace diffarch::nn {

namespace detail {

/// Returns the text that must agree between the training that wrote a checkpoint and the training that continues from
/// it: everything that decides a step. The number of epochs may differ.
template <class Body>
[[nodiscard]] std::string training_fingerprint(const LevelTraining<Body>& training) {
  const TrainingOptions& options = training.options();
  std::ostringstream text;
  text.imbue(std::locale::classic());  // in files, whatever the program speaks
  text.precision(17);
  if (const auto& shared = training.shared()) {
    double sum = 0.0;  // tells schedules of as many levels apart
    for (const NoiseLevel& level : shared->levels) sum += level.alpha_bar();
    text << "one network for " << shared->levels << ", sum of alpha_bar " << sum << ", "
         << (diffarch::are_conditioned(options) ? "told" : "not told") << " the level, data scale "
         << shared->preconditioning.data_scale;
  } else {
    text << "sigma " << training.level().sigma();
  }
  text << ", samples " << training.sample_count() << ", batch size " << options.batch_size << ", learning rate "
       << options.learning_rate << ", averaging decay " << options.averaging_decay << ", seed " << options.seed.value;
  return text.str();
}

}  // namespace detail

/// Writes the weights and all else that is needed to continue a training bitwise, atomically: the tensors of
/// `save_weights` and, under names that begin with "training.", Adam's state, the moving average, and the losses.
/// Throws as save_weights.
template <class Body>
void save_checkpoint(const std::filesystem::path& path, Network<Body>& network, const LevelTraining<Body>& training) {
  using Scalar = typename Body::Scalar;
  Tensors tensors = detail::tensors_of(detail::NetworkTensors<Scalar>(network));
  TrainingState<Scalar> state = training.state();
  const auto put = [&](const std::string& name, auto values) {
    const auto size = static_cast<Index>(values.size());
    tensors["training." + name] = Tensor{{size}, std::move(values)};
  };
  put("adam.mean", std::move(state.optimiser.mean));
  put("adam.mean_squared", std::move(state.optimiser.mean_squared));
  put("average", std::move(state.average.average));
  put("losses", std::move(state.losses));
  put("epoch_loss", std::move(state.epoch_losses));
  put("counts", std::vector<std::int64_t>{state.epoch, state.step, state.optimiser.steps, state.average.updates});
  write_safetensors(path, tensors, {{"diffarch.training", detail::training_fingerprint(training)}});
}

/// Continues from a checkpoint: sets the network and the training. Throws FileError when the file is damaged, is no
/// checkpoint, or one of other settings or another network; both are then as they were.
template <class Body>
void load_checkpoint(const std::filesystem::path& path, Network<Body>& network, LevelTraining<Body>& training) {
  using Scalar = typename Body::Scalar;
  SafetensorsFile file = read_safetensors(path);
  const std::string expected = detail::training_fingerprint(training);
  const auto found = file.metadata.find("diffarch.training");
  if (found == file.metadata.end()) throw FileError(file.path, "is not a checkpoint of a training");
  if (found->second != expected)
    throw FileError(file.path, diffarch::detail::concat("is a checkpoint of a training with ", found->second,
                                                        "; expected ", expected));
  const auto take = [&]<class T>(const std::string& name, T /*kind*/) {
    const auto tensor = file.tensors.find("training." + name);
    const std::vector<Index> shape =
        tensor != file.tensors.end() && tensor->second.shape.size() == 1 ? tensor->second.shape : std::vector<Index>{0};
    std::vector<T> values = file.values<T>("training." + name, shape);
    file.tensors.erase("training." + name);
    return values;
  };
  TrainingState<Scalar> state;
  state.optimiser.mean = take("adam.mean", Scalar{});
  state.optimiser.mean_squared = take("adam.mean_squared", Scalar{});
  state.average.average = take("average", Scalar{});
  state.losses = take("losses", double{});
  state.epoch_losses = take("epoch_loss", double{});
  const auto counts = take("counts", std::int64_t{});
  if (state.epoch_losses.size() != 1 || counts.size() != 4)
    throw FileError(file.path, "is not a checkpoint: expected 1 training.epoch_loss and 4 training.counts");
  state.epoch = static_cast<Index>(counts[0]);
  state.step = static_cast<Index>(counts[1]);
  state.optimiser.steps = counts[2];
  state.average.updates = counts[3];
  detail::require_same_tensors(file, detail::NetworkTensors<Scalar>(network).parameters);
  try {
    training.restore(std::move(state));
  } catch (const Error& error) {
    throw FileError(file.path, error.what());
  }
  detail::set_tensors(detail::NetworkTensors<Scalar>(network), file);
}

}  // namespace diffarch::nn
