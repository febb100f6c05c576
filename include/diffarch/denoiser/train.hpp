#pragma once

#include <filesystem>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "diffarch/core/samples.hpp"
#include "diffarch/denoiser/network/network_training.hpp"
#include "diffarch/nn/files/training_folder.hpp"

// Trainings that take hours: kept in a folder, interrupted, resumed, shared. Needs nlohmann-json (diffarch::json).

namespace diffarch {

/// The folder of a training, and the part of the training that this process does.
struct TrainingRun {
  std::filesystem::path folder;     ///< of weights and checkpoints (see nn/files/training_folder.hpp)
  Index first_level = 0;            ///< levels first_level, ..., end_level - 1 are trained, level 0 the noisiest
  Index end_level = -1;             ///< -1: to the last; one network for all levels needs all
  bool resume = false;              ///< continue an earlier run, to bitwise the weights of one that was not interrupted
  double checkpoint_seconds = 60;   ///< between checkpoints
  std::function<bool()> stop = {};  ///< asked after every step: true saves a checkpoint and throws Interrupted
  /// For several processes that share a folder. The training calls `claim` before each level that is not finished, in
  /// order; it trains the level when `claim` returns true and leaves it to another process when `claim` returns false.
  /// With warm start a level needs the one before it: the training then calls `claim` once, with the first level, for
  /// all of them. One network for all levels is claimed once, too, as level 0. The processes should set `resume`, as
  /// the files that they find may be those of another process.
  std::function<bool(Index level)> claim = {};
};

namespace detail {

template <class Body>
void train_in_folder(const NetworkPlan<Body>& plan, const Batch<typename Body::Scalar>& data, const NoiseLevels& levels,
                     const TrainingRun& run, const ProgressCallback& progress) {
  const Index first = run.first_level;
  const Index last = run.end_level < 0 ? levels.steps() : run.end_level;
  require(0 <= first && first < last && last <= levels.steps(), "train: levels ", first, " to ", last,
          ", expected a first and a larger end in 0 ... ", levels.steps());
  const bool shared = plan.training.levels == LevelSharing::one_network;
  require(!shared || (first == 0 && last == levels.steps()), "train: levels ", first, " to ", last,
          " with LevelSharing::one_network, expected all ", levels.steps(), ": one network is trained for all of them");
  check_training_data(data);
  check_training_options(plan.training, data.cols());
  (void)plan.make_network();  // a network that cannot be made leaves no folder
  nn::TrainingFolder folder(run.folder,
                            {.architecture = plan.name,
                             .shape = plan.shape,
                             .scalar = std::is_same_v<typename Body::Scalar, float> ? "F32" : "F64",
                             .levels = {levels.begin(), levels.end() - 1},
                             .options = plan.training,
                             .samples = data.cols(),
                             .data_checksum = nn::data_checksum(data)},
                            shared ? nn::every_step : first, shared ? 0 : last,
                            {run.resume, run.checkpoint_seconds, run.stop});
  if (shared) {
    if (!run.claim || (!folder.are_finished(nn::every_step, 0) && run.claim(0)))
      (void)train_shared(plan, data, levels, folder, progress);
    return;
  }
  const auto train_here = [&](Index from, Index to) {
    train_levels(plan, data, levels, from, to, folder, progress, [](auto&& /*level*/) {});
  };
  if (!run.claim) {
    train_here(first, last);
  } else if (plan.training.warm_start) {
    if (!folder.are_finished(first, last) && run.claim(first)) train_here(first, last);
  } else {
    for (Index level = first; level < last; ++level)
      if (!folder.are_finished(level, level + 1) && run.claim(level)) train_here(level, level + 1);
  }
}

/// Shape of the samples of a training that is in a folder, and which networks it has, if it is of this architecture and
/// these levels.
template <class Json = nn::detail::TrainingJson>
[[nodiscard]] std::pair<ImageShape, nn::detail::TrainedNetworks> trained_networks(const std::filesystem::path& folder,
                                                                                  const std::string& architecture,
                                                                                  const NoiseLevels& levels) {
  const auto path = nn::detail::description_file(folder);
  const auto description = nn::detail::read_description<Json>(path);
  const auto expected =
      nn::detail::to_json<Json>({.architecture = architecture, .levels = {levels.begin(), levels.end() - 1}});
  for (const char* key : {"architecture", "levels"})
    if (description[key] != expected[key])
      throw FileError(path.string(), concat("is of another model: \"", key, "\" is ", description[key].dump(),
                                            ", expected ", expected[key].dump()));
  const auto& size = description["shape"];
  return {{size[0].template get<Index>(), size[1].template get<Index>(), size[2].template get<Index>()},
          nn::detail::networks_in(description)};
}

template <class Body>
[[nodiscard]] NetworkDenoiser<Body> load_networks(const NetworkPlan<Body>& plan, const NoiseLevels& levels,
                                                  const std::filesystem::path& folder) {
  if (plan.training.levels == LevelSharing::one_network) {
    const auto file = nn::detail::level_file(folder, nn::every_step);
    typename NetworkDenoiser<Body>::Level loaded{levels[0], plan.make_network()};
    const SafetensorsMetadata metadata = nn::load_weights(file, *loaded.network);
    loaded.losses = nn::detail::losses_of(file, metadata);
    return NetworkDenoiser<Body>(std::move(loaded), {nn::detail::data_scale_in(file, metadata), plan.adds_input});
  }
  std::vector<typename NetworkDenoiser<Body>::Level> loaded;
  for (Index step = 0; step < levels.steps(); ++step) {
    const auto file = nn::detail::level_file(folder, step);
    loaded.push_back({levels[step], plan.make_network()});
    loaded.back().losses = nn::detail::losses_of(file, nn::load_weights(file, *loaded.back().network));
  }
  return NetworkDenoiser<Body>(std::move(loaded));
}

}  // namespace detail

/// Trains the networks of an architecture for the noise levels of a schedule and keeps them in `run.folder`; with
/// levels given, only those; with `claim`, only what it claims. `load_model` makes the model of them. Levels are
/// trained one after the other, as a checkpoint is of one, on every backend: `fit` may train them together. `data` are
/// a Batch (d, n), a Dataset, or an Eigen expression.
///
/// With the same seed, backend and number of threads the weights are bitwise the same, however often the run was
/// interrupted or killed, and, without warm start, however the levels were shared; `nn::merge_trainings` joins folders.
/// Throws InvalidArgument for options or levels out of range, DimensionMismatch for data of another shape, FileError
/// for a folder that cannot be used, Interrupted, and NumericalError when a loss, weights, running statistics or
/// outputs are not finite: the last checkpoint is then kept.
template <class A, Samples Data, Schedule S, Backend B = Cpu>
requires NetworkArchitecture<A, typename Data::Scalar, B>
void train(const A& architecture, const Data& data, const S& schedule, const TrainingRun& run, B /*backend*/ = {},
           const ProgressCallback& progress = {}) {
  const auto& batch = as_batch(data);
  detail::train_in_folder(detail::network_plan<B, typename Data::Scalar>(architecture, batch.rows()), batch,
                          schedule.levels(), run, progress);
}

/// The model of a training that is complete, for the noise levels of the schedule it was made for, on a backend, which
/// need not be the one that it was trained on; in single precision unless `load_model<double>` asks for the other.
/// Throws FileError when the folder holds another architecture or other levels, or the weights of a level are missing
/// or damaged.
template <class Scalar = float, class A, Schedule S, Backend B = Cpu>
requires NetworkArchitecture<A, Scalar, B>
[[nodiscard]] NetworkModel<A, Scalar, B> load_model(const A& architecture, const S& schedule,
                                                    const std::filesystem::path& folder, B /*backend*/ = {}) {
  const NoiseLevels levels = schedule.levels();
  const auto [shape, networks] = detail::trained_networks(folder, architecture.name(), levels);
  A trained = architecture;
  trained.training.levels = networks.levels;
  trained.training.conditioning = networks.conditioning;
  return detail::load_networks(detail::network_plan<B, Scalar>(trained, shape.size()), levels, folder);
}

}  // namespace diffarch
