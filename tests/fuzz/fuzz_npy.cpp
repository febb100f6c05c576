// .npy files, as batches and as images.

#include "diffarch/io/npy.hpp"
#include "fuzz/fuzzed_file.hpp"

namespace diffarch {
namespace {

void fuzz_npy(const std::uint8_t* bytes, std::size_t size) {
  test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(read_npy<double>(path)); });
  test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(read_npy_batch<float>(path)); });
  test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(load_npy_images<float>(path)); });
  const NpyImageOptions all{ImageLayout::channels_first, {0, 255}, 3, true};
  test::read_fuzzed(bytes, size, [&](const auto& path) { static_cast<void>(load_npy_images<float>(path, all)); });
}

const test::FuzzedReader npy_reader{"npy", fuzz_npy};

}  // namespace
}  // namespace diffarch
