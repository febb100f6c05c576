#include "common/training/network_training.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>

#include "diffarch/process/console_progress.hpp"

namespace figures {

using namespace diffarch;

void add_network_options(CommandLine& line, NetworkOptions& network) {
  TrainingOptions& training = network.training;
  line.add({"--profile", &network.profile,
            "cpu: what two cores can do in an hour; paper: the paper's sizes. Sets --size, --count, --steps and the "
            "options of training that are not given; --quick is a profile of its own",
            one_of({"cpu", "paper"})});
  line.add(without_default({"--epochs", &training.epochs,
                            "Passes over the data for each network (default: by the profile)", whole_number(1)}));
  line.add(without_default({"--batch-size", &training.batch_size,
                            "Samples of a training step (default: by the profile, but no more than there are)",
                            whole_number(1)}));
  line.add(without_default(
      {"--learning-rate", &training.learning_rate, "Of Adam (default: by the profile)", positive_number()}));
  line.add(without_default({"--averaging-decay", &training.averaging_decay,
                            "Decay of the moving average of the weights, below 1; 0: none (default: by the profile)",
                            number(0.0, 1.0)}));
  line.add({"--warm-start,!--no-warm-start", &training.warm_start,
            "Each level begins with the weights of the noisier one (default: by the profile)"});
  line.add(
      {"--levels", &network.levels,
       "A:B trains only the levels A, ..., B - 1, 0 being the noisiest, and draws nothing: for sharing the work; "
       "see merge_weights. shared: one network for all levels, which is told the level; blind: one that is not. "
       "Its epochs are then as many more as there are levels, unless --epochs is given, and it has no warm start"});
  line.add({"--train-only", &network.train_only, "Train, and draw nothing but the loss curves"});
  line.add({"--resume", &network.resume, "Continue an interrupted training in --out"});
  Option weights =
      without_default({"--weights", &network.weights,
                       "Do not train: take the networks that an earlier run left in this folder (its <out>/weights)"});
  weights.excludes = {"--levels", "--train-only", "--resume"};
  line.add(weights);
  line.add({"--checkpoint-seconds", &network.checkpoint_seconds, "Time between checkpoints", positive_number()});
}

void apply_profile(const CommandLine& line, const TrainingProfiles& profiles, FigureOptions& options,
                   NetworkOptions& network) {
  const TrainingProfile& profile = options.quick                ? profiles.quick
                                   : network.profile == "paper" ? profiles.paper
                                                                : profiles.cpu;
  if (options.quick) network.profile = "quick";
  const auto set = [&](const char* option, auto& value, const auto& by_profile) {
    if (!line.names(option)) value = by_profile;
  };
  set("--size", options.size, profile.size);
  if (!options.count_is_given) options.count = profile.count;
  set("--steps", options.steps, profile.steps);
  TrainingOptions& training = network.training;
  set("--epochs", training.epochs, profile.training.epochs);
  set("--batch-size", training.batch_size, profile.training.batch_size);
  set("--learning-rate", training.learning_rate, profile.training.learning_rate);
  set("--averaging-decay", training.averaging_decay, profile.training.averaging_decay);
  set("--warm-start", training.warm_start, profile.training.warm_start);
  network.batch_size_is_given = line.names("--batch-size");
  training.seed = Seed{options.seed};
  if (network.levels == "shared" || network.levels == "blind") {
    training.levels = LevelSharing::one_network;
    training.conditioning = network.levels == "shared" ? Conditioning::noise_level : Conditioning::none;
    if (!line.names("--epochs")) training.epochs *= options.steps;  // as many images as all networks together
    if (!line.names("--warm-start")) training.warm_start = false;
    network.levels.clear();
  }
  if (!network.levels.empty()) network.train_only = true;
}

namespace {

/// Throws InvalidArgument, naming the option, for a training that is impossible on so many samples.
void check_training(const NetworkOptions& network, Index samples) {
  const TrainingOptions& training = network.training;
  detail::require(training.epochs >= 1, "--epochs ", training.epochs, ": expected at least 1");
  detail::require(training.batch_size >= 1 && training.batch_size <= samples, "--batch-size ", training.batch_size,
                  ": expected 1 to ", samples, ", the number of training samples");
  detail::require(training.levels == LevelSharing::per_level || !training.warm_start,
                  "--warm-start with one network for all levels: expected one of the two");
  detail::require(training.learning_rate > 0.0 && std::isfinite(training.learning_rate), "--learning-rate ",
                  training.learning_rate, ": expected a finite number > 0");
  detail::require(training.averaging_decay >= 0.0 && training.averaging_decay < 1.0, "--averaging-decay ",
                  training.averaging_decay, ": expected a number >= 0 and < 1");
}

}  // namespace

NetworkOptions adapted_to(Index samples, NetworkOptions network) {
  TrainingOptions& training = network.training;
  if (!network.batch_size_is_given) training.batch_size = std::min(training.batch_size, samples);
  if (network.weights.empty()) check_training(network, samples);
  return network;
}

namespace {

[[nodiscard]] const char* networks_text(const TrainingOptions& training) {
  if (training.levels == LevelSharing::per_level) return "one for each level";
  return training.conditioning == Conditioning::none ? "one for all levels, blind" : "one for all levels";
}

}  // namespace

void record_training(const NetworkOptions& network, FigureReport& report) {
  const TrainingOptions& training = network.training;
  report["training"] = {{"profile", network.profile},
                        {"epochs", training.epochs},
                        {"batch_size", training.batch_size},
                        {"learning_rate", training.learning_rate},
                        {"averaging_decay", training.averaging_decay},
                        {"warm_start", training.warm_start},
                        {"networks", networks_text(training)},
                        {"weights", network.weights.empty() ? Json("trained") : Json(network.weights.string())}};
}

void refuse_other_training(const nn::OtherTraining& error) {
  const std::map<std::string, std::string> options{{"shape", "--data, --size"},
                                                   {"levels", "--steps"},
                                                   {"networks", "--levels"},
                                                   {"conditioning", "--levels"},
                                                   {"epochs", "--epochs"},
                                                   {"batch_size", "--batch-size"},
                                                   {"learning_rate", "--learning-rate"},
                                                   {"averaging_decay", "--averaging-decay"},
                                                   {"warm_start", "--warm-start, --no-warm-start"},
                                                   {"seed", "--seed"},
                                                   {"samples", "--data, --count"},
                                                   {"data_checksum", "--data, --size, --count"}};
  std::string text = std::string(error.what()).substr(error.path().size() + 2);
  const auto option = options.find(error.entry());
  text += option == options.end() ? "; " : detail::concat(" (decided by ", option->second, "); ");
  throw FileError(error.path(), text + "--out chooses another folder");
}

TrainingRun training_run(const std::string& name, const FigureOptions& options, const NetworkOptions& network) {
  const std::filesystem::path folder = network.weights.empty() ? options.out / "weights" : network.weights;
  TrainingRun run{
      .folder = folder / name, .resume = network.resume, .checkpoint_seconds = network.checkpoint_seconds, .stop = [] {
        return StopSignals::requested();
      }};
  if (!network.levels.empty()) {
    long first = 0;
    long end = 0;
    char rest = 0;
    detail::require(
        std::sscanf(network.levels.c_str(), "%ld:%ld%c", &first, &end, &rest) == 2 && first >= 0 && end >= 0,
        "--levels ", network.levels, ": expected A:B, two whole numbers, or shared, or blind");
    run.first_level = first;
    run.end_level = end;
  }
  return network.share ? network.share(std::move(run)) : run;
}

ProgressCallback training_progress(const NetworkOptions& network) {
  if (network.is_quiet) return {};
  return [print = ConsoleProgress{}](Progress progress) mutable {
    progress.note.clear();
    print(progress);
  };
}

void say_kernels([[maybe_unused]] const FigureOptions& options, [[maybe_unused]] const NetworkOptions& network) {
#ifndef DIFFARCH_HAS_ONEDNN
  static bool said = false;
  if (said || network.is_quiet || !network.weights.empty() || options.backend != "cpu") return;
  said = true;
  std::fprintf(stderr,
               "%s: trains on Eigen's kernels; oneDNN's are 1.5 to 3.4 times as fast (Debian: apt-get install "
               "libdnnl-dev opencl-headers ocl-icd-opencl-dev, then configure and build again)\n",
               options.program.c_str());
#endif
}

Panel loss_curves(const std::string& title, const std::filesystem::path& folder, Json& row) {
  Panel panel{
      .title = title, .x_label = "epoch", .y_label = "mean squared error", .log_y = true, .legend_beside = true};
  const std::vector<nn::LossCurve> curves = nn::training_losses(folder);
  const bool is_shared = detail::path_exists(nn::detail::level_file(folder, nn::every_step));
  const std::size_t stride = (curves.size() + 9) / 10;
  Json levels = Json::array();
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const auto& curve = curves[i];
    levels.push_back({{"sigma", curve.level.sigma()}, {"losses", curve.losses}});
    if (i % stride != 0) continue;
    char label[32];
    std::snprintf(label, sizeof label, "sigma %.3g", curve.level.sigma());
    Series series{.label = is_shared ? "all levels" : label};
    for (std::size_t epoch = 0; epoch < curve.losses.size(); ++epoch) {
      series.x.push_back(static_cast<double>(epoch + 1));
      series.y.push_back(curve.losses[epoch]);
    }
    panel.series.push_back(std::move(series));
  }
  row["levels"] = std::move(levels);
  return panel;
}

void draw_losses(const std::vector<Panel>& losses, const FigureOptions& options, FigureReport& report) {
  if (losses.empty()) return;
  report.add_plot(
      options.program + "_losses.png", losses,
      {.columns = std::min<Index>(3, static_cast<Index>(losses.size())), .title = "Training loss of the networks"});
}

}  // namespace figures
