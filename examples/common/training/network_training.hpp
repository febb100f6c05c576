#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/architectures/trained_sampler.hpp"
#include "common/report/figure_report.hpp"
#include "diffarch/io/gnuplot.hpp"
#include "diffarch/process/stop_signals.hpp"

// What the figures of trained networks (1, 4 and 9) share: options, profiles, and trainings that can be interrupted,
// resumed, shared between processes, and separated from the sampling.

namespace figures {

/// Values of a profile, used where the command line gives none.
struct TrainingProfile {
  diffarch::Index size = 0;
  diffarch::Index count = 0;
  diffarch::Index steps = 50;
  diffarch::TrainingOptions training = {};
};

/// The profiles of one program.
struct TrainingProfiles {
  TrainingProfile quick;
  TrainingProfile cpu;
  TrainingProfile paper;
};

struct Ranks;

struct NetworkOptions {
  std::string profile = "cpu";
  diffarch::TrainingOptions training = {};
  std::string levels = {};  ///< A:B, or empty; shared and blind are of `training`, see apply_profile
  bool train_only = false;
  bool resume = false;
  std::filesystem::path weights = {};
  double checkpoint_seconds = 60.0;
  bool batch_size_is_given = false;

  // Not of the command line; see shared_training.hpp.
  Ranks* ranks = nullptr;  ///< the processes that mpirun has started, this one being one of them
  std::function<diffarch::TrainingRun(diffarch::TrainingRun)> share = {};  ///< only a part of each training is done
  bool is_quiet = false;                                                   ///< no progress is shown
};

/// Declares the options of training on a command line.
void add_network_options(CommandLine& line, NetworkOptions& network);

/// Puts the profile's values, --quick being one, where the command line gave none, and records the outcome.
void apply_profile(const CommandLine& line, const TrainingProfiles& profiles, FigureOptions& options,
                   NetworkOptions& network);

/// The options for a training on so many samples: without --batch-size, no more than there are. Throws InvalidArgument
/// where --batch-size is larger or another option of training is out of range.
[[nodiscard]] NetworkOptions adapted_to(diffarch::Index samples, NetworkOptions network);

/// Adds the settings of the training to a report.
void record_training(const NetworkOptions& network, FigureReport& report);

/// The part of a training that --levels A:B names, or of it the one that is shared, and how it stops. Throws
/// InvalidArgument for another text.
[[nodiscard]] diffarch::TrainingRun training_run(const std::string& name, const FigureOptions& options,
                                                 const NetworkOptions& network);

/// Adds the loss curves of all levels that are finished in a folder to a row of the report, and returns them as a plot:
/// at most ten levels, the loss of every epoch.
[[nodiscard]] diffarch::Panel loss_curves(const std::string& title, const std::filesystem::path& folder, Json& row);

/// Draws the loss curves of a program's networks as <program>_losses.png; nothing when there are none.
void draw_losses(const std::vector<diffarch::Panel>& losses, const FigureOptions& options, FigureReport& report);

/// The bar of a training, without the library's note: `say_kernels` says it once for all trainings of the program.
[[nodiscard]] diffarch::ProgressCallback training_progress(const NetworkOptions& network);

/// Before the first training of the program: says so where networks are trained on Eigen's kernels, which are the
/// slower ones, and what to install.
void say_kernels(const FigureOptions& options, const NetworkOptions& network);

/// Throws what the library says of a folder that holds another training, with the options that decide it.
[[noreturn]] void refuse_other_training(const diffarch::nn::OtherTraining& error);

/// Trains, or continues, the networks of an architecture under `name` in the figure's folder of weights, or, with
/// --weights, takes those of an earlier run, on the backend of --backend; the loss curves join `row` and `panels`. No
/// sampler where only (a part of) the training was asked for.
template <class Scalar, class A>
[[nodiscard]] std::optional<diffarch::AnySampler<Scalar>> trained_model(const std::string& name, const A& architecture,
                                                                        const diffarch::CosineSchedule& schedule,
                                                                        const diffarch::Batch<Scalar>& data,
                                                                        const FigureOptions& options,
                                                                        const NetworkOptions& network, Json& row,
                                                                        std::vector<diffarch::Panel>& panels) {
  const diffarch::StopSignals stop;
  say_kernels(options, network);
  const NetworkTask<Scalar> task{.schedule = schedule,
                                 .data = data,
                                 .run = training_run(name, options, network),
                                 .train = network.weights.empty(),
                                 .sample = !network.train_only && !network.share,
                                 .progress = training_progress(network)};
  std::optional<diffarch::AnySampler<Scalar>> sampler;
  try {
    sampler = trained_sampler(options.backend, architecture, task);
  } catch (const diffarch::nn::OtherTraining& error) {
    refuse_other_training(error);
  }
  row["architecture"] = architecture.name();
  if (!network.share) panels.push_back(loss_curves(architecture.name(), task.run.folder, row));
  return sampler;
}

}  // namespace figures
