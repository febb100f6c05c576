// Joins the levels that several processes or machines have trained with --levels into one folder of weights.
//
//   fig1_unet --levels 0:5 --out a        and, elsewhere,        fig1_unet --levels 5:10 --out b
//   merge_weights a/weights b/weights --output all
//   fig1_unet --weights all

#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/options/command_line.hpp"
#include "common/options/standard_streams.hpp"
#include "diffarch/nn/files/training_folder.hpp"

namespace {

using namespace diffarch;
using Folders = std::vector<std::filesystem::path>;

/// The trainings of all inputs by their name, one for each row of a figure.
std::map<std::string, Folders> trainings_by_name(const Folders& inputs) {
  std::map<std::string, Folders> trainings;
  for (const auto& input : inputs) {
    if (!detail::is_folder(input)) throw FileError(input.string(), "is not a folder of weights");
    bool found = false;
    for (const auto& entry : detail::folder_entries(input)) {
      if (!detail::path_exists(entry / "training.json")) continue;
      trainings[entry.filename().string()].push_back(entry);
      found = true;
    }
    if (!found) throw FileError(input.string(), "holds no trainings: expected folders with a training.json");
  }
  return trainings;
}

int merge(const Folders& inputs, const std::filesystem::path& output) {
  bool complete = true;
  for (const auto& [name, folders] : trainings_by_name(inputs)) {
    const std::vector<Index> missing = nn::merge_trainings(folders, output / name);
    complete = complete && missing.empty();
    if (missing.empty()) {
      std::printf("%s: complete\n", name.c_str());
      continue;
    }
    std::printf("%s: %zu levels are still missing:", name.c_str(), missing.size());
    for (const Index level : missing) std::printf(" %ld", static_cast<long>(level));
    std::printf("\n");
  }
  return complete ? 0 : 2;
}

}  // namespace

int main(int argc, char** argv) {
  figures::CommandLine line("Joins folders of weights that were trained with --levels", "merge_weights",
                            "Returns 0 when every training is complete, 2 when levels are missing, 1 for an error.");
  Folders inputs;
  std::filesystem::path output;
  line.add(figures::required({"inputs", &inputs, "Folders of weights: <out>/weights of the runs"}));
  line.add(figures::required({"--output", &output, "Folder to write; may be one that has some of the levels"}));
  figures::keep_standard_streams_open();
  try {
    const std::optional<int> ended = line.parse(argc, argv);
    const int status = ended ? *ended : merge(inputs, output);
    figures::require_printed();
    return status;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "merge_weights: error: %s\n", error.what());
    return 1;
  }
}
