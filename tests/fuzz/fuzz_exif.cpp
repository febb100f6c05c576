// EXIF blocks, alone, in a JPEG and in a PNG, and what is done with an orientation.

#include <vector>

#include "diffarch/data/exif_orientation.hpp"
#include "fuzz/fuzzed_file.hpp"

namespace diffarch {
namespace {

void fuzz_exif(const std::uint8_t* bytes, std::size_t size) {
  const detail::ByteSpan span(bytes, size);
  for (const int orientation :
       {detail::exif_orientation(span), detail::jpeg_orientation(span), detail::png_orientation(span)}) {
    if (orientation < 1 || orientation > 8) std::abort();
    Index height = 1 + static_cast<Index>(size % 5);
    Index width = 1 + static_cast<Index>(size % 3);
    std::vector<int> values(static_cast<std::size_t>(2 * height * width), orientation);
    detail::make_upright(values, height, width, 2, orientation);
    if (static_cast<Index>(values.size()) != 2 * height * width) std::abort();
  }
}

const test::FuzzedReader exif_reader{"exif", fuzz_exif};

}  // namespace
}  // namespace diffarch
