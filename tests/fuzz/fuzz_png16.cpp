// PNG of 16 bits, whatever the input says of its bits, with and without a range.

#include <vector>

#include "diffarch/data/image_file.hpp"
#include "fuzz/fuzzed_file.hpp"
#include "fuzz/valid_checksums.hpp"

namespace diffarch {
namespace {

void fuzz_png16(const std::uint8_t* bytes, std::size_t size) {
  std::vector<std::uint8_t> deep(bytes, bytes + size);
  constexpr std::size_t bit_depth = 24;
  if (deep.size() > bit_depth) deep[bit_depth] = 16;
  const std::vector<std::uint8_t> file = test::with_valid_checksums(deep.data(), deep.size());
  for (const Index channels : {0, 1, 3})
    test::read_fuzzed(file.data(), file.size(), [&](const auto& path) {
      const detail::DecodedImage image = detail::decode_image(path, channels);
      if (image.highest != 65535.0) std::abort();
      const ImageShape shape{image.height, image.width, image.channels};
      if (static_cast<Index>(image.values.size()) != shape.size()) std::abort();
      std::vector<float> values(image.values.size());
      detail::place_image(path.string(), image, shape, values.data());
      detail::place_image(path.string(), image, shape, values.data(), {0, 60000});
    });
}

const test::FuzzedReader png16_reader{"png16", fuzz_png16};

}  // namespace
}  // namespace diffarch
