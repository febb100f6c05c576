#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <numeric>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "diffarch/core/noise_level.hpp"
#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/file_lock.hpp"
#include "diffarch/nn/files/checkpoint.hpp"
#include "diffarch/nn/files/training_description.hpp"
#include "diffarch/nn/files/weights_file.hpp"
#include "diffarch/nn/training/preconditioning.hpp"

// A training of one network for each noise level, or of one for all, as a folder. Needs nlohmann-json (diffarch::json).
//   training.json                      what is trained, on what, and how: the same for all who share the work
//   level_03.safetensors               the weights of a finished level (metadata diffarch.losses: its loss curve)
//   level_03.checkpoint.safetensors    where the training of a level stands
//   all_levels.safetensors             instead of those of levels, and their checkpoints, with one network for all of
//                                      them (metadata diffarch.data_scale: see Preconditioning)
//   training.lock                      empty; tells processes which levels others are training

namespace diffarch::nn {

namespace detail {

template <class Json = TrainingJson>
[[nodiscard]] std::string losses_text(const std::vector<double>& losses) {
  return Json(losses).dump();
}

template <class Json = TrainingJson>
[[nodiscard]] std::vector<double> losses_of(const std::filesystem::path& path, const SafetensorsMetadata& metadata) {
  const auto found = metadata.find("diffarch.losses");
  if (found == metadata.end()) return {};
  const Json json = Json::parse(found->second, nullptr, false);
  const auto is_number = [](const Json& value) { return value.is_number(); };
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), is_number))
    throw FileError(path.string(), "expected the metadata diffarch.losses to be a list of numbers");
  return json.template get<std::vector<double>>();
}

/// The metadata of the weights of one network for all levels.
template <class Json = TrainingJson>
[[nodiscard]] SafetensorsMetadata shared_metadata(const Preconditioning& preconditioning) {
  return {{"diffarch.data_scale", Json(preconditioning.data_scale).dump()}};
}

/// The scale of the data that one network for all levels was trained on.
template <class Json = TrainingJson>
[[nodiscard]] double data_scale_in(const std::filesystem::path& path, const SafetensorsMetadata& metadata) {
  const auto found = metadata.find("diffarch.data_scale");
  const Json json = found == metadata.end() ? Json() : Json::parse(found->second, nullptr, false);
  if (!json.is_number() || !(json.template get<double>() > 0.0))
    throw FileError(path.string(), "expected the metadata diffarch.data_scale to be a number > 0");
  return json.template get<double>();
}

}  // namespace detail

/// How a training uses its folder.
struct TrainingFolderOptions {
  bool resume = false;              ///< go on where an earlier run stopped; otherwise its files are an error
  double checkpoint_seconds = 60;   ///< between checkpoints, > 0
  std::function<bool()> stop = {};  ///< asked after every step: true saves a checkpoint and throws Interrupted
};

/// The store of a training in a folder: finished levels are loaded, a begun one continues at its checkpoint, and what
/// is done is saved, all bitwise. Of one network for all levels the only step is every_step. Files appear
/// complete or not at all, so the folder is valid whenever the program ends. Several processes may train different
/// levels in one folder; a level that another process is training is refused (`FileLock`, on the file training.lock).
class TrainingFolder {
 public:
  /// For the levels first, ..., last - 1 of the description. Creates the folder and its description when missing.
  /// Throws OtherTraining when the folder holds another one, FileError when it holds files of these levels without
  /// options.resume, or cannot be used.
  template <class Json = detail::TrainingJson>
  TrainingFolder(std::filesystem::path folder, const TrainingDescription& description, Index first, Index last,
                 TrainingFolderOptions options)
      : folder_(std::move(folder)), options_(std::move(options)) {
    diffarch::detail::require(options_.checkpoint_seconds > 0.0,
                              "training: checkpoint_seconds = ", options_.checkpoint_seconds, ", expected a time > 0");
    const auto path = detail::description_file(folder_);
    const Json expected = detail::to_json<Json>(description);
    if (diffarch::detail::path_exists(path))
      detail::require_same_description(path, detail::read_description<Json>(path), expected);
    else
      write_file_atomically(path, expected.dump(2) + "\n");
    for (Index step = first; step < last; ++step) {
      for (const auto& file : {detail::level_file(folder_, step), detail::checkpoint_file(folder_, step)})
        if (!options_.resume && diffarch::detail::path_exists(file))
          throw FileError(
              file.string(),
              "is there from an earlier training; resume it (TrainingRun::resume, --resume of the programs), or "
              "choose another folder");
    }
  }

  /// Whether the levels first, ..., last - 1 are.
  [[nodiscard]] bool are_finished(Index first, Index last) const {
    for (Index step = first; step < last; ++step)
      if (!diffarch::detail::path_exists(detail::level_file(folder_, step))) return false;
    return true;
  }

  template <class Body>
  [[nodiscard]] bool load_finished(Index step, Network<Body>& network, std::vector<double>& losses) {
    const auto path = detail::level_file(folder_, step);
    if (!diffarch::detail::path_exists(path)) return false;
    losses = detail::losses_of(path, load_weights(path, network));
    diffarch::detail::remove_file(detail::checkpoint_file(folder_, step));
    return true;
  }

  template <class Body>
  void begin(Index step, Network<Body>& network, LevelTraining<Body>& training) {
    lock_ = FileLock();
    lock_ = FileLock(folder_ / "training.lock", std::max<Index>(step, 0),
                     diffarch::detail::concat("another process is training ", detail::level_text(step),
                                              " in this folder; wait until it ends, or choose another folder"));
    remove_unfinished_files(step);
    const auto path = detail::checkpoint_file(folder_, step);
    if (diffarch::detail::path_exists(path)) load_checkpoint(path, network, training);
    saved_at_ = Clock::now();
  }

  template <class Body>
  void after_step(Index step, Network<Body>& network, LevelTraining<Body>& training) {
    const bool stop = options_.stop && options_.stop();
    if (!stop && std::chrono::duration<double>(Clock::now() - saved_at_).count() < options_.checkpoint_seconds) return;
    const auto path = detail::checkpoint_file(folder_, step);
    training.require_finite();
    save_checkpoint(path, network, training);
    saved_at_ = Clock::now();
    if (stop)
      throw Interrupted(diffarch::detail::concat("stopped in ", detail::level_text(step), " after ", training.epoch(),
                                                 " of ", training.options().epochs,
                                                 " epochs; resume the training to continue from ", path.string()));
  }

  template <class Body>
  void save_finished(Index step, Network<Body>& network, const std::vector<double>& losses,
                     SafetensorsMetadata metadata = {}) {
    metadata["diffarch.losses"] = detail::losses_text(losses);
    save_weights(detail::level_file(folder_, step), network, metadata);
    diffarch::detail::remove_file(detail::checkpoint_file(folder_, step));
    lock_ = FileLock();
  }

  /// Overload for one network for all levels, which also keeps the `Preconditioning` that joins the network to y.
  template <class Body>
  void save_finished(Network<Body>& network, const std::vector<double>& losses,
                     const Preconditioning& preconditioning) {
    save_finished(every_step, network, losses, detail::shared_metadata(preconditioning));
  }

  /// For the message of a training that failed.
  [[nodiscard]] std::string where_it_stands(Index step) const {
    const auto path = detail::checkpoint_file(folder_, step);
    return diffarch::detail::path_exists(path) ? "; the last good state is kept in " + path.string() : std::string{};
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// Removes the unfinished files of a process that was killed while it wrote this level. Unfinished files of other
  /// levels stay, as a process may be writing them.
  void remove_unfinished_files(Index step) const {
    const std::string of_level = detail::level_file(folder_, step).stem().string() + ".";
    std::error_code ignored;  // files of other levels come and go
    std::vector<std::filesystem::path> left;
    for (std::filesystem::directory_iterator entry(folder_, ignored), end; !ignored && entry != end;
         entry.increment(ignored)) {
      const std::string name = entry->path().filename().string();
      if (name.ends_with(".tmp") && name.starts_with(of_level)) left.push_back(entry->path());
    }
    for (const auto& path : left) std::filesystem::remove(path, ignored);
  }

  std::filesystem::path folder_;
  TrainingFolderOptions options_;
  FileLock lock_;  ///< of the level that is being trained
  Clock::time_point saved_at_ = Clock::now();
};

/// The mean training loss of every epoch of one level.
struct LossCurve {
  NoiseLevel level;
  std::vector<double> losses;
};

/// The loss curves of the levels that are finished in a folder, noisiest first. One network for all levels has one
/// curve, under the noisiest level. Throws FileError when it holds no training, or a file is damaged.
template <class Json = detail::TrainingJson>
[[nodiscard]] std::vector<LossCurve> training_losses(const std::filesystem::path& folder) {
  const auto path = detail::description_file(folder);
  const Json description = detail::read_description<Json>(path);
  const auto [first, count] = detail::steps_with_files(description);
  std::vector<LossCurve> curves;
  for (Index i = 0; i < count; ++i) {
    const auto file = detail::level_file(folder, first + i);
    if (!diffarch::detail::path_exists(file)) continue;
    const Json& level = description["levels"][static_cast<std::size_t>(i)];
    curves.push_back({{level[0].template get<double>(), level[1].template get<double>()},
                      detail::losses_of<Json>(file, read_safetensors(file).metadata)});
  }
  return curves;
}

/// Puts the finished levels of several folders, trained by several processes or machines, into one, which may be one
/// that exists. Returns the levels that are still missing there; all of them without the one network for all levels.
/// Throws FileError when a folder is not of the same training, or two of them have different weights for a level; the
/// output has then none of the levels of that folder.
template <class Json = detail::TrainingJson>
std::vector<Index> merge_trainings(const std::vector<std::filesystem::path>& folders,
                                   const std::filesystem::path& output) {
  diffarch::detail::require(!folders.empty(), "merge_trainings: no folders; expected at least one");
  const auto first = detail::description_file(folders.front());
  const Json expected = detail::read_description<Json>(first);
  const auto [first_step, count] = detail::steps_with_files(expected);
  std::vector<std::filesystem::path> all = folders;
  if (diffarch::detail::path_exists(detail::description_file(output))) all.insert(all.begin(), output);
  for (const auto& folder : all) {
    const auto path = detail::description_file(folder);
    detail::require_same_description(path, detail::read_description<Json>(path), expected);
  }
  std::vector<std::filesystem::path> sources(static_cast<std::size_t>(count));
  std::vector<Index> missing;
  for (Index i = 0; i < count; ++i) {
    auto& source = sources[static_cast<std::size_t>(i)];
    for (const auto& folder : all) {
      const auto candidate = detail::level_file(folder, first_step + i);
      if (!diffarch::detail::path_exists(candidate)) continue;
      if (source.empty())
        source = candidate;
      else if (detail::read_text(candidate) != detail::read_text(source))
        throw FileError(candidate.string(), "differs from " + source.string() + ", though both are of this level");
    }
    if (source.empty()) missing.push_back(i);
  }
  if (detail::is_shared(expected) && !missing.empty()) {
    missing.resize(expected["levels"].size());
    std::iota(missing.begin(), missing.end(), Index{0});
  }
  if (!diffarch::detail::path_exists(detail::description_file(output)))
    write_file_atomically(detail::description_file(output), expected.dump(2) + "\n");
  for (Index i = 0; i < count; ++i) {
    const auto& source = sources[static_cast<std::size_t>(i)];
    const auto target = detail::level_file(output, first_step + i);
    if (source.empty() || diffarch::detail::path_exists(target)) continue;
    (void)read_safetensors(source);  // a damaged file is not passed on
    write_file_atomically(target, detail::read_text(source));
  }
  return missing;
}

}  // namespace diffarch::nn
