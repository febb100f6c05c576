// IDX files of images and labels, plain or gzip-compressed.

#include "diffarch/data/idx.hpp"
#include "fuzz/fuzzed_file.hpp"

namespace diffarch {
namespace {

void fuzz_idx(const std::uint8_t* bytes, std::size_t size) {
  test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(load_idx_labels(path)); });
  test::read_fuzzed(bytes, size,
                    [](const auto& path) { static_cast<void>(load_idx_images<float>(path, {.count = 1})); });
  test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(load_idx_images<float>(path)); });
}

const test::FuzzedReader idx_reader{"idx", fuzz_idx};

}  // namespace
}  // namespace diffarch
