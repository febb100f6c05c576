// .npy files, as batches and as images.

#include "diffarch/io/npy.hpp"
#include "fuzz/fuzzed_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace diffarch;
  test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(read_npy<double>(path)); });
  test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(read_npy_batch<float>(path)); });
  return test::read_fuzzed(bytes, size, [](const auto& path) { static_cast<void>(load_npy_images<float>(path)); });
}
