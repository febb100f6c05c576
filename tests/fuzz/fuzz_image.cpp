// PNG and JPEG images, decoded and resized.

#include <vector>

#include "diffarch/data/image_folder.hpp"
#include "fuzz/fuzzed_file.hpp"

namespace diffarch {
namespace {

/// The bytes with the right check sum for every chunk, if they are a PNG: else no mutation would pass the first test.
std::vector<std::uint8_t> with_valid_checksums(const std::uint8_t* bytes, std::size_t size) {
  using namespace diffarch::detail;
  std::vector<std::uint8_t> file(bytes, bytes + size);
  if (!is_png(file)) return file;
  for (std::size_t position = 8; position + 12 <= size;) {
    const std::size_t length = big_endian_32(file.data() + position);
    if (length > size - position - 12) break;
    const std::uint32_t crc = png_crc(file.data() + position + 4, length + 4);
    for (std::size_t i = 0; i < 4; ++i)
      file[position + 8 + length + i] = static_cast<std::uint8_t>(crc >> (24U - 8U * i));
    position += 12 + length;
  }
  return file;
}

void fuzz_image(const std::uint8_t* bytes, std::size_t size) {
  const std::vector<std::uint8_t> file = with_valid_checksums(bytes, size);
  test::read_fuzzed(file.data(), file.size(), [](const auto& path) {
    const detail::DecodedImage image = detail::decode_image(path, 3);
    if (static_cast<Index>(image.bytes.size()) != image.height * image.width * image.channels) std::abort();
    std::vector<float> values(3 * 5 * 7);
    detail::place_image(path.string(), image, {7, 5, 3}, values.data());
  });
}

const test::FuzzedReader image_reader{"image", fuzz_image};

}  // namespace
}  // namespace diffarch
