#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "diffarch/core/progress.hpp"
#include "diffarch/core/storage.hpp"
#include "diffarch/denoiser/network/network_denoiser.hpp"
#include "diffarch/nn/kernels/eigen_kernels.hpp"
#include "diffarch/nn/training/level_training.hpp"

namespace diffarch {

namespace detail {

/// A store for `train_levels` that keeps nothing. `TrainingFolder` is a store that keeps networks in files.
struct NoStore {
  template <class Network>
  bool load_finished(Index /*step*/, Network& /*network*/, std::vector<double>& /*losses*/) {
    return false;
  }
  template <class Network, class Training>
  void begin(Index /*step*/, Network& /*network*/, Training& /*training*/) {}
  template <class Network, class Training>
  void after_step(Index /*step*/, Network& /*network*/, Training& /*training*/) {}
  template <class Network>
  void save_finished(Index /*step*/, Network& /*network*/, const std::vector<double>& /*losses*/) {}
  template <class Network>
  void save_finished(Network& /*network*/, const std::vector<double>& /*losses*/,
                     const nn::Preconditioning& /*preconditioning*/) {}
  [[nodiscard]] std::string where_it_stands(Index /*step*/) const { return {}; }
};

/// Returns the note with which a training begins: that it runs on Eigen's kernels, where faster ones can be had.
template <class Kernels>
[[nodiscard]] std::string note_of_kernels() {
  if constexpr (std::is_same_v<Kernels, nn::EigenKernels>)
    return "on Eigen's kernels; oneDNN's are 1.5 to 3.4 times as fast: install it (Debian: libdnnl-dev "
           "opencl-headers ocl-icd-opencl-dev) and link diffarch::onednn";
  else
    return {};
}

[[nodiscard]] inline Index images_per_level(const TrainingOptions& options, Index samples) {
  return options.epochs * (samples / options.batch_size * options.batch_size);
}

/// The plan of a training, without the type of its architecture: architectures whose networks have one body share the
/// code.
template <class Body>
struct NetworkPlan {
  using Network = nn::Network<Body>;

  std::string name;                               ///< the architecture's
  ImageShape shape;                               ///< of one sample
  TrainingOptions training;                       ///< not checked yet
  bool adds_input;                                ///< see nn::Preconditioning
  std::function<Body(Index networks)> make_body;  ///< a stack when there are several

  /// Throws InvalidArgument when it is to be told the noise level and the architecture makes none that is.
  [[nodiscard]] std::unique_ptr<Network> make_network() const {
    auto network = std::make_unique<Network>(make_body(1), shape);
    require(network->is_conditioned() == are_conditioned(training),
            "TrainingOptions: conditioning = Conditioning::noise_level, but networks of ", name,
            " are told no noise level; expected Conditioning::none");
    return network;
  }
};

/// For samples of d values. Throws what the architecture's `input_shape` throws.
template <class B, class Scalar, class A>
requires NetworkArchitecture<A, Scalar, B>
[[nodiscard]] auto network_plan(const A& architecture, Index d) {
  using Networks = Fitter<A, B, Scalar>;
  nn::detail::mark_source_file<B>();
  const ImageShape shape = Networks::input_shape(architecture, d);
  return NetworkPlan<typename Networks::Body>{architecture.name(), shape, architecture.training, adds_input<Networks>(),
                                              [architecture, shape]([[maybe_unused]] Index networks) {
                                                if constexpr (StackableArchitecture<A, Scalar, B>)
                                                  return Networks::make_body(architecture, shape, networks);
                                                else
                                                  return Networks::make_body(architecture, shape);
                                              }};
}

/// Steps a training to its end; `which` levels it is of is said with the progress and in the message of an error.
template <class Body, class AfterStep, class WhereItStands>
void run_training(nn::LevelTraining<Body>& training, ProgressReporter& reporter, const std::string& which,
                  const AfterStep& after_step, const WhereItStands& where_it_stands) {
  const Index images = training.options().batch_size * training.level_count();
  double loss = 0.0;
  const auto status = [&] { return concat(which, ", loss ", loss); };
  const auto named = [&](const auto& work) {
    try {
      work();
    } catch (const NumericalError& error) {
      throw NumericalError(concat(which, ": ", error.what(), where_it_stands()));
    }
  };
  while (!training.is_done()) {
    named([&] { loss = training.step(); });
    reporter.advance_quietly(images, status);
    named(after_step);
  }
  named([&] { training.finish(); });
}

/// Trains one network for each of the levels first, ..., last - 1, noisiest first, on `data` (d, n), which are brought
/// to the backend of the networks once. `take` receives a level when the one after it, which may start from its
/// weights, no longer needs it. Throws NumericalError when a loss is not finite, naming level, epoch and step.
template <class Body, class Store>
void train_levels(const NetworkPlan<Body>& plan, const Batch<typename Body::Scalar>& data, const NoiseLevels& levels,
                  Index first, Index last, Store& store, const ProgressCallback& progress,
                  const std::function<void(typename NetworkDenoiser<Body>::Level)>& take) {
  using Level = typename NetworkDenoiser<Body>::Level;
  const TrainingOptions& options = plan.training;
  check_training_options(options, data.cols());
  const auto& stored = backend_array<typename Body::Kernels::BackendType>(data);
  const Index level_images = images_per_level(options, data.cols());
  ProgressReporter reporter(progress, "train " + plan.name, (last - first) * level_images, "images",
                            note_of_kernels<typename Body::Kernels>());

  Level before{};
  if (options.warm_start && first > 0) {
    before = {levels[first - 1], plan.make_network()};
    require(store.load_finished(first - 1, *before.network, before.losses), "training: with warm start, level ", first,
            " begins with the weights of level ", first - 1, ", which is not trained yet; train it first, or without ",
            "warm start");
  }
  for (Index step = first; step < last; ++step) {
    Level level{levels[step], plan.make_network()};
    if (store.load_finished(step, *level.network, level.losses)) {
      reporter.skip(level_images);
    } else {
      level.network->initialise(options.seed, streams::level_directions(levels[step].sigma()));
      if (options.warm_start && step > 0) nn::copy_tensors(*before.network, *level.network);
      nn::LevelTraining<Body> training(*level.network, stored, levels[step], options);
      store.begin(step, *level.network, training);
      reporter.skip(training.steps_done() * options.batch_size);
      run_training(
          training, reporter, concat("level ", step + 1, " of ", levels.steps()),
          [&] { store.after_step(step, *level.network, training); }, [&] { return store.where_it_stands(step); });
      level.network->release_memory();
      level.losses = training.losses();
      store.save_finished(step, *level.network, level.losses);
    }
    if (step > first) take(std::move(before));
    before = std::move(level);
  }
  if (last > first) take(std::move(before));
}

/// Trains one network for all levels on `data` (d, n), which are brought to the backend of the network once. Throws
/// InvalidArgument when all data are 0, and NumericalError when a loss is not finite, naming epoch and step.
template <class Body, class Store>
[[nodiscard]] NetworkDenoiser<Body> train_shared(const NetworkPlan<Body>& plan,
                                                 const Batch<typename Body::Scalar>& data, const NoiseLevels& levels,
                                                 Store& store, const ProgressCallback& progress) {
  const TrainingOptions& options = plan.training;
  check_training_options(options, data.cols());
  const nn::Preconditioning joint{nn::data_scale_of(data), plan.adds_input};
  const auto& stored = backend_array<typename Body::Kernels::BackendType>(data);
  const Index images = images_per_level(options, data.cols());
  ProgressReporter reporter(progress, "train " + plan.name, images, "images",
                            note_of_kernels<typename Body::Kernels>());
  typename NetworkDenoiser<Body>::Level trained{levels[0], plan.make_network()};
  if (store.load_finished(nn::every_step, *trained.network, trained.losses)) {
    reporter.skip(images);
  } else {
    trained.network->initialise(options.seed);
    nn::LevelTraining<Body> training(*trained.network, stored, levels, joint, options);
    store.begin(nn::every_step, *trained.network, training);
    reporter.skip(training.steps_done() * options.batch_size);
    run_training(
        training, reporter, concat("all ", levels.steps(), " levels"),
        [&] { store.after_step(nn::every_step, *trained.network, training); },
        [&] { return store.where_it_stands(nn::every_step); });
    trained.network->release_memory();
    trained.losses = training.losses();
    store.save_finished(*trained.network, trained.losses, joint);
  }
  return NetworkDenoiser<Body>(std::move(trained), joint);
}

/// Memory that one network of a stack of fully connected ones takes at most while it is trained on so many samples, in
/// bytes of the backend.
template <class Body>
[[nodiscard]] Index training_bytes(nn::Network<Body>& network, const TrainingOptions& options, Index samples) {
  using Scalar = typename Body::Scalar;
  Index weights = 0;
  Index widths = 0;  // of all layers together: every number between two layers has a bias
  network.for_each_parameter([&](const nn::Parameter<Scalar>& parameter) {
    const auto size = static_cast<Index>(parameter.values.size());
    weights += size;
    if (parameter.rank == 1) widths += size;
  });
  const Index of_weights = 5 * weights;  // themselves, gradients, the two moments of Adam, the average
  const Index of_sample = 3 * widths + 4 * network.input_shape().size();  // with two gradients; x, x0, x0_hat, its own
  return static_cast<Index>(sizeof(Scalar)) * (of_weights + options.batch_size * of_sample) +
         static_cast<Index>(sizeof(Index)) * samples;
}

/// How many of so many levels to train at once, in stacks of about the same size that take `most_bytes` at most; one at
/// a time when not even two fit.
[[nodiscard]] inline Index stack_size(Index levels, Index bytes_of_each, Index most_bytes) {
  const Index most = std::clamp<Index>(most_bytes / bytes_of_each, 1, levels);
  const Index stacks = (levels + most - 1) / most;
  return (levels + stacks - 1) / stacks;
}

/// Trains all levels in memory, so many at once, each as if it were alone: with the same initial weights, samples and
/// noise. Where one diverges, NumericalError says which, and all levels of its stack are named with it.
template <class Body>
[[nodiscard]] NetworkDenoiser<Body> train_stacks(const NetworkPlan<Body>& plan,
                                                 const Batch<typename Body::Scalar>& data, const NoiseLevels& levels,
                                                 Index together, const ProgressCallback& progress) {
  const TrainingOptions& options = plan.training;
  const auto& stored = backend_array<typename Body::Kernels::BackendType>(data);
  ProgressReporter reporter(progress, "train " + plan.name, levels.steps() * images_per_level(options, data.cols()),
                            "images", note_of_kernels<typename Body::Kernels>());
  std::vector<typename NetworkDenoiser<Body>::Level> trained;
  for (Index first = 0; first < levels.steps(); first += together) {
    const Index end = std::min(first + together, levels.steps());
    nn::Network<Body> stack(plan.make_body(end - first), plan.shape);
    for (Index step = first; step < end; ++step) {
      trained.push_back({levels[step], plan.make_network()});
      trained.back().network->initialise(options.seed, streams::level_directions(levels[step].sigma()));
      nn::copy_into_stack(*trained.back().network, stack, step - first);
    }
    const std::vector<NoiseLevel> stack_levels(levels.begin() + first, levels.begin() + end);
    nn::LevelTraining<Body> training(stack, stored, stack_levels, options);
    run_training(
        training, reporter, concat("levels ", first + 1, " to ", end, " of ", levels.steps()), [] {},
        [] { return std::string{}; });
    for (Index step = first; step < end; ++step) {
      auto& level = trained[static_cast<std::size_t>(step)];
      nn::copy_from_stack(stack, step - first, *level.network);
      level.losses = training.losses(step - first);
    }
  }
  return NetworkDenoiser<Body>(std::move(trained));
}

/// Trains all levels in memory, one after the other.
template <class Body>
[[nodiscard]] NetworkDenoiser<Body> train_one_by_one(const NetworkPlan<Body>& plan,
                                                     const Batch<typename Body::Scalar>& data,
                                                     const NoiseLevels& levels, const ProgressCallback& progress) {
  using Level = typename NetworkDenoiser<Body>::Level;
  std::vector<Level> trained;
  NoStore store;
  train_levels(plan, data, levels, 0, levels.steps(), store, progress,
               [&](Level level) { trained.push_back(std::move(level)); });
  return NetworkDenoiser<Body>(std::move(trained));
}

/// Trains all levels in memory: one network for all, where the options ask for that; else as stacks where the
/// architecture and the kernels have them (`stack_bytes`) and no level waits for another's weights, else one after the
/// other.
template <class B, class A, class Scalar>
[[nodiscard]] NetworkModel<A, Scalar, B> train_model(const A& architecture, const Batch<Scalar>& data,
                                                     const NoiseLevels& levels, const ProgressCallback& progress) {
  const auto plan = network_plan<B, Scalar>(architecture, data.rows());
  if (plan.training.levels == LevelSharing::one_network) {
    NoStore store;
    return train_shared(plan, data, levels, store, progress);
  }
  constexpr Index most_bytes = nn::KernelsOf<B>::type::stack_bytes;
  if constexpr (most_bytes > 0 && StackableArchitecture<A, Scalar, B>) {
    if (!plan.training.warm_start) {
      check_training_options(plan.training, data.cols());
      const Index bytes = training_bytes(*plan.make_network(), plan.training, data.cols());
      const Index together = stack_size(levels.steps(), bytes, most_bytes);
      if (together > 1) return train_stacks(plan, data, levels, together, progress);
    }
  }
  return train_one_by_one(plan, data, levels, progress);
}

}  // namespace detail
}  // namespace diffarch
