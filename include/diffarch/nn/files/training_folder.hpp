#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "diffarch/core/noise_levels.hpp"
#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/file_lock.hpp"
#include "diffarch/nn/files/checkpoint.hpp"
#include "diffarch/nn/files/weights_file.hpp"
#include "diffarch/nn/training/training_options.hpp"

// A training of one network for each noise level, as a folder. Needs nlohmann-json (diffarch::json).
//   training.json                      what is trained, on what, and how: the same for all who share the work
//   level_03.safetensors               the weights of a finished level (metadata diffarch.losses: its loss curve)
//   level_03.checkpoint.safetensors    where the training of a level stands
//   training.lock                      empty; tells processes which levels others are training

namespace diffarch::nn {

/// The description of a training: everything that decides its weights. Two trainings with equal descriptions are the
/// same training.
struct TrainingDescription {
  std::string architecture = {};        ///< its name()
  ImageShape shape = {};                ///< of the samples
  std::string scalar = {};              ///< "F32" or "F64"
  std::vector<NoiseLevel> levels = {};  ///< those that have a network, noisiest first
  TrainingOptions options = {};
  Index samples = 0;                ///< of the training data
  std::uint64_t data_checksum = 0;  ///< see `data_checksum`
};

/// A 64-bit checksum (FNV-1a over 64-bit words) of the bytes of a batch: tells training data apart.
template <class Scalar>
[[nodiscard]] std::uint64_t data_checksum(const Batch<Scalar>& data) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  const std::size_t size = static_cast<std::size_t>(data.size()) * sizeof(Scalar);
  std::uint64_t hash = 14695981039346656037U;
  for (std::size_t at = 0; at < size; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + at, std::min<std::size_t>(8, size - at));
    hash = (hash ^ word) * 1099511628211U;
    hash ^= hash >> 32U;  // or the high bits of a word would never reach the low ones
  }
  return hash;
}

/// A folder holds another training than the one that is asked for.
class OtherTraining : public FileError {
 public:
  OtherTraining(const std::filesystem::path& path, std::string entry, const std::string& problem)
      : FileError(path.string(), problem), entry_(std::move(entry)) {}
  /// The first entry of the description, "epochs" say, that differs.
  [[nodiscard]] const std::string& entry() const noexcept { return entry_; }

 private:
  std::string entry_;
};

namespace detail {

/// The order of the entries is that of `to_json`. Functions take it as a template parameter, so that only programs that
/// call them instantiate nlohmann-json.
using TrainingJson = nlohmann::ordered_json;

template <class Json = TrainingJson>
[[nodiscard]] Json to_json(const TrainingDescription& description) {
  Json levels = Json::array();
  for (const NoiseLevel& level : description.levels) levels.push_back({level.signal, level.noise});
  const TrainingOptions& options = description.options;
  return {{"architecture", description.architecture},
          {"shape", {description.shape.height, description.shape.width, description.shape.channels}},
          {"scalar", description.scalar},
          {"levels", std::move(levels)},
          {"epochs", options.epochs},
          {"batch_size", options.batch_size},
          {"learning_rate", options.learning_rate},
          {"averaging_decay", options.averaging_decay},
          {"warm_start", options.warm_start},
          {"seed", options.seed.value},
          {"samples", description.samples},
          {"data_checksum", description.data_checksum}};
}

/// Returns, for a folder without the description of a training, a message that says what the folder is and what to do
/// with it.
[[nodiscard]] inline std::string kind_of_other_folder(const std::filesystem::path& folder) {
  using diffarch::detail::concat;
  std::error_code problem;
  if (!diffarch::detail::path_exists(folder))
    return "does not exist; expected the folder of a training, with a training.json";
  if (!std::filesystem::is_directory(folder, problem))
    return "is not a folder; expected that of a training, with a training.json (nn::load_weights loads one file)";
  std::map<std::string, std::set<std::string>> files;  // by their ending
  for (std::filesystem::directory_iterator entry(folder, problem), end; !problem && entry != end;
       entry.increment(problem))
    files[entry->path().extension().string()].insert(entry->path().filename().string());
  const auto list = [](const std::set<std::string>& names) {
    return names.size() == 1 ? *names.begin() : concat(*names.begin(), " and ", names.size() - 1, " more");
  };
  for (const char* ending : {".pt", ".pth", ".bin", ".ckpt"})
    if (files.contains(ending))
      return concat(
          "is a folder of PyTorch files (", list(files[ending]), "), not of a training: it has no training.json. ",
          "Save the state_dict of each network as a safetensors file (safetensors.torch.save_file), and load ",
          "it by nn::load_weights or apply it by the program apply_denoiser");
  if (files.contains(".safetensors"))
    return concat("is not the folder of a training: it holds weights (", list(files[".safetensors"]),
                  ") but no training.json, which says of which networks and levels; load one by nn::load_weights, or ",
                  "apply it by the program apply_denoiser");
  return "is not the folder of a training: it has no training.json";
}

[[nodiscard]] inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(path.string(), "cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Throws FileError unless the file is JSON with all entries of a description, of the right types.
template <class Json = TrainingJson>
[[nodiscard]] Json read_description(const std::filesystem::path& path) {
  if (!diffarch::detail::path_exists(path))
    throw FileError(path.parent_path().string(), kind_of_other_folder(path.parent_path()));
  Json json = Json::parse(read_text(path), nullptr, false);
  if (!json.is_object()) throw FileError(path.string(), "is not the description of a training: expected a JSON object");
  const Json expected = to_json<Json>({});
  const auto same_kind = [](const Json& a, const Json& b) {
    return a.type() == b.type() || (a.is_number() && b.is_number());
  };
  for (const auto& [key, value] : expected.items())
    if (!json.contains(key) || !same_kind(json[key], value))
      throw FileError(path.string(), diffarch::detail::concat("is not the description of a training: expected \"", key,
                                                              "\" of type ", value.type_name()));
  const auto all = [](const Json& array, auto holds) { return std::all_of(array.begin(), array.end(), holds); };
  if (json["shape"].size() != 3 || !all(json["shape"], [](const auto& x) { return x.is_number_unsigned(); }))
    throw FileError(path.string(), "expected \"shape\" to be height, width and channels");
  if (json["levels"].empty() || !all(json["levels"], [](const Json& level) {
        return level.is_array() && level.size() == 2 && level[0].is_number() && level[1].is_number();
      }))
    throw FileError(path.string(), "expected \"levels\" to be pairs of signal and noise");
  return json;
}

/// Throws OtherTraining, naming the first entry that differs.
template <class Json>
void require_same_description(const std::filesystem::path& path, const Json& found, const Json& expected) {
  using diffarch::detail::concat;
  for (const auto& [key, value] : expected.items()) {
    if (found[key] == value) continue;
    const std::string same = concat("\"", key, "\" is ", found[key].dump(), ", expected ", value.dump());
    if (key == "samples")
      throw OtherTraining(path, key,
                          concat("is a training on other data: ", same, ". Go on with the ", found[key].dump(),
                                 " samples that it was begun with, or train in another folder"));
    if (key == "data_checksum")
      throw OtherTraining(path, key,
                          concat("is a training on other data: it was begun with as many samples (",
                                 expected["samples"].dump(), ") of the same shape (", expected["shape"].dump(),
                                 "), but at least one value of them, or their order, is not the same (", same,
                                 "). Go on with the data that it was begun with, or train in another folder"));
    throw OtherTraining(path, key, concat("is another training: ", same));
  }
}

[[nodiscard]] inline std::filesystem::path description_file(const std::filesystem::path& folder) {
  return folder / "training.json";
}
[[nodiscard]] inline std::string level_name(Index step) {
  return diffarch::detail::concat(step < 10 ? "level_0" : "level_", step);
}
[[nodiscard]] inline std::filesystem::path level_file(const std::filesystem::path& folder, Index step) {
  return folder / (level_name(step) + ".safetensors");
}
[[nodiscard]] inline std::filesystem::path checkpoint_file(const std::filesystem::path& folder, Index step) {
  return folder / (level_name(step) + ".checkpoint.safetensors");
}

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

}  // namespace detail

/// How a training uses its folder.
struct TrainingFolderOptions {
  bool resume = false;              ///< go on where an earlier run stopped; otherwise its files are an error
  double checkpoint_seconds = 60;   ///< between checkpoints, > 0
  std::function<bool()> stop = {};  ///< asked after every step: true saves a checkpoint and throws Interrupted
};

/// The store of a training in a folder: finished levels are loaded, a begun one continues at its checkpoint, and what
/// is done is saved, all bitwise. Files appear complete or not at all, so the folder is valid whenever the program
/// ends. Several processes may train different levels in one folder; a level that another process is training is
/// refused (`FileLock`, on the file training.lock).
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
    lock_ = FileLock(folder_ / "training.lock", step,
                     diffarch::detail::concat("another process is training level ", step + 1,
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
      throw Interrupted(diffarch::detail::concat("stopped in level ", step + 1, " after ", training.epoch(), " of ",
                                                 training.options().epochs,
                                                 " epochs; resume the training to continue from ", path.string()));
  }

  template <class Body>
  void save_finished(Index step, Network<Body>& network, const std::vector<double>& losses) {
    save_weights(detail::level_file(folder_, step), network, {{"diffarch.losses", detail::losses_text(losses)}});
    diffarch::detail::remove_file(detail::checkpoint_file(folder_, step));
    lock_ = FileLock();
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

/// The loss curves of the levels that are finished in a folder, noisiest first. Throws FileError when it holds no
/// training, or a file is damaged.
template <class Json = detail::TrainingJson>
[[nodiscard]] std::vector<LossCurve> training_losses(const std::filesystem::path& folder) {
  const auto path = detail::description_file(folder);
  const Json levels = detail::read_description<Json>(path)["levels"];
  std::vector<LossCurve> curves;
  for (std::size_t step = 0; step < levels.size(); ++step) {
    const auto file = detail::level_file(folder, static_cast<Index>(step));
    if (!diffarch::detail::path_exists(file)) continue;
    curves.push_back({{levels[step][0].template get<double>(), levels[step][1].template get<double>()},
                      detail::losses_of<Json>(file, read_safetensors(file).metadata)});
  }
  return curves;
}

/// Puts the finished levels of several folders, trained by several processes or machines, into one, which may be one
/// that exists. Returns the levels that are still missing there.
/// Throws FileError when a folder is not of the same training, or two of them have different weights for a level; the
/// output has then none of the levels of that folder.
template <class Json = detail::TrainingJson>
std::vector<Index> merge_trainings(const std::vector<std::filesystem::path>& folders,
                                   const std::filesystem::path& output) {
  diffarch::detail::require(!folders.empty(), "merge_trainings: no folders; expected at least one");
  const auto first = detail::description_file(folders.front());
  const Json expected = detail::read_description<Json>(first);
  const auto steps = static_cast<Index>(expected["levels"].size());
  std::vector<std::filesystem::path> all = folders;
  if (diffarch::detail::path_exists(detail::description_file(output))) all.insert(all.begin(), output);
  for (const auto& folder : all) {
    const auto path = detail::description_file(folder);
    detail::require_same_description(path, detail::read_description<Json>(path), expected);
  }
  std::vector<std::filesystem::path> sources(static_cast<std::size_t>(steps));
  std::vector<Index> missing;
  for (Index step = 0; step < steps; ++step) {
    auto& source = sources[static_cast<std::size_t>(step)];
    for (const auto& folder : all) {
      const auto candidate = detail::level_file(folder, step);
      if (!diffarch::detail::path_exists(candidate)) continue;
      if (source.empty())
        source = candidate;
      else if (detail::read_text(candidate) != detail::read_text(source))
        throw FileError(candidate.string(), "differs from " + source.string() + ", though both are of this level");
    }
    if (source.empty()) missing.push_back(step);
  }
  if (!diffarch::detail::path_exists(detail::description_file(output)))
    write_file_atomically(detail::description_file(output), expected.dump(2) + "\n");
  for (Index step = 0; step < steps; ++step) {
    const auto& source = sources[static_cast<std::size_t>(step)];
    const auto target = detail::level_file(output, step);
    if (source.empty() || diffarch::detail::path_exists(target)) continue;
    (void)read_safetensors(source);  // a damaged file is not passed on
    write_file_atomically(target, detail::read_text(source));
  }
  return missing;
}

}  // namespace diffarch::nn
