// training.json, which describes the training in a folder.

#include "diffarch/nn/files/training_folder.hpp"
#include "fuzz/fuzzed_file.hpp"

namespace diffarch {
namespace {

void fuzz_description(const std::uint8_t* bytes, std::size_t size) {
  test::read_fuzzed(bytes, size, [](const auto& path) {
    const auto found = nn::detail::read_description(path);
    nn::detail::require_same_description(path, found, nn::detail::to_json({}));
  });
}

const test::FuzzedReader description_reader{"description", fuzz_description};

}  // namespace
}  // namespace diffarch
