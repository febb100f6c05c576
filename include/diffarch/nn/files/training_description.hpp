#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/error.hpp"
#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/noise_level.hpp"
#include "diffarch/io/file_status.hpp"
#include "diffarch/nn/training/training_options.hpp"

// What a folder of a training says of it, and the names of its files. Needs nlohmann-json (diffarch::json).

namespace diffarch::nn {

/// The description of a training: everything that decides its weights. Two trainings with equal descriptions are the
/// same training.
struct TrainingDescription {
  std::string architecture = {};        ///< its name()
  ImageShape shape = {};                ///< of the samples
  std::string scalar = {};              ///< "F32" or "F64"
  std::vector<NoiseLevel> levels = {};  ///< all but the clean one, noisiest first
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

/// The entry of a description that says how many networks there are, and what it can be.
inline constexpr const char* sharing_key = "networks";
inline constexpr const char* one_network = "one for all levels";
inline constexpr const char* network_per_level = "one for each level";

/// The entry that says what one network for all levels is told of the level, and what it can be.
inline constexpr const char* conditioning_key = "conditioning";
inline constexpr const char* told_level = "noise level";
inline constexpr const char* told_nothing = "none";

/// The order of the entries is that of `to_json`. Functions take it as a template parameter, so that only programs that
/// call them instantiate nlohmann-json.
using TrainingJson = nlohmann::ordered_json;

template <class Json = TrainingJson>
[[nodiscard]] Json to_json(const TrainingDescription& description) {
  Json levels = Json::array();
  for (const NoiseLevel& level : description.levels) levels.push_back({level.signal, level.noise});
  const TrainingOptions& options = description.options;
  Json json{{"architecture", description.architecture},
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
  // A description without the entry is that of one network for each level.
  if (options.levels == LevelSharing::one_network) {
    json[sharing_key] = one_network;
    json[conditioning_key] = diffarch::are_conditioned(options) ? told_level : told_nothing;
  }
  return json;
}

/// An entry of a description; of one that need not be there, what is meant without it.
template <class Json>
[[nodiscard]] Json description_entry(const Json& description, const std::string& key) {
  return key == sharing_key && !description.contains(key) ? Json(network_per_level) : description[key];
}

/// Whether a description is of one network for all levels.
template <class Json>
[[nodiscard]] bool is_shared(const Json& description) {
  return description_entry(description, sharing_key) == one_network;
}

/// The options of `TrainingOptions` that say which networks there are.
struct TrainedNetworks {
  LevelSharing levels = LevelSharing::per_level;
  Conditioning conditioning = Conditioning::noise_level;
};
template <class Json>
[[nodiscard]] TrainedNetworks networks_in(const Json& description) {
  if (!is_shared(description)) return {};
  return {LevelSharing::one_network,
          description[conditioning_key] == told_level ? Conditioning::noise_level : Conditioning::none};
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
  if (const Json sharing = description_entry(json, sharing_key); sharing != one_network && sharing != network_per_level)
    throw FileError(path.string(),
                    diffarch::detail::concat("expected \"", sharing_key, "\" to be \"", one_network, "\" or missing"));
  if (is_shared(json) && (!json.contains(conditioning_key) ||
                          (json[conditioning_key] != told_level && json[conditioning_key] != told_nothing)))
    throw FileError(path.string(), diffarch::detail::concat("expected \"", conditioning_key, "\" to be \"", told_level,
                                                            "\" or \"", told_nothing, "\""));
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
  std::vector<std::string> keys{sharing_key};
  for (const auto& [key, value] : expected.items()) keys.push_back(key);
  for (const std::string& key : keys) {
    const Json is = description_entry(found, key);
    const Json value = description_entry(expected, key);
    if (is == value) continue;
    const std::string same = concat("\"", key, "\" is ", is.dump(), ", expected ", value.dump());
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
  if (step == every_step) return "all_levels";
  return diffarch::detail::concat(step < 10 ? "level_0" : "level_", step);
}
[[nodiscard]] inline std::filesystem::path level_file(const std::filesystem::path& folder, Index step) {
  return folder / (level_name(step) + ".safetensors");
}
[[nodiscard]] inline std::filesystem::path checkpoint_file(const std::filesystem::path& folder, Index step) {
  return folder / (level_name(step) + ".checkpoint.safetensors");
}
/// For messages.
[[nodiscard]] inline std::string level_text(Index step) {
  return step == every_step ? "the network for all levels" : diffarch::detail::concat("level ", step + 1);
}
/// The first step that has a file of weights, and how many have one.
template <class Json>
[[nodiscard]] std::pair<Index, Index> steps_with_files(const Json& description) {
  if (is_shared(description)) return {every_step, 1};
  return {0, static_cast<Index>(description["levels"].size())};
}

}  // namespace detail
}  // namespace diffarch::nn
