// PNG and JPEG images, decoded and resized.

#include <vector>

#include "diffarch/data/image_folder.hpp"
#include "fuzz/fuzzed_file.hpp"
#include "fuzz/valid_checksums.hpp"

namespace diffarch {
namespace {

void fuzz_image(const std::uint8_t* bytes, std::size_t size) {
  const std::vector<std::uint8_t> file = test::with_valid_checksums(bytes, size);
  test::read_fuzzed(file.data(), file.size(), [](const auto& path) {
    const detail::DecodedImage image = detail::decode_image(path, 3);
    if (static_cast<Index>(image.values.size()) != image.height * image.width * image.channels) std::abort();
    std::vector<float> values(3 * 5 * 7);
    detail::place_image(path.string(), image, {7, 5, 3}, values.data());
  });
}

const test::FuzzedReader image_reader{"image", fuzz_image};

}  // namespace
}  // namespace diffarch
