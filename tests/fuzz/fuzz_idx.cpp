// IDX files of images and labels, plain or gzip-compressed.

#include "diffarch/data/idx.hpp"
#include "fuzz/fuzzed_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace diffarch;
  test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(load_idx_labels(path)); });
  test::read_fuzzed(bytes, size,
                    [](const auto& path) { static_cast<void>(load_idx_images<float>(path, {.count = 1})); });
  return test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(load_idx_images<float>(path)); });
}
