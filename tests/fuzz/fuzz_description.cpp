// training.json, which describes the training in a folder.

#include "diffarch/nn/training_folder.hpp"
#include "fuzz/fuzzed_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace diffarch;
  return test::read_fuzzed(bytes, size, [](const auto& path) {
    const auto found = nn::detail::read_description(path);
    nn::detail::require_same_description(path, found, nn::detail::to_json({}));
  });
}
