#pragma once

#include <stb_image.h>
#include <stb_image_resize.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/image_options.hpp"
#include "diffarch/core/value_range.hpp"
#include "diffarch/data/exif_orientation.hpp"
#include "diffarch/data/image_checks.hpp"

// One PNG or JPEG file, decoded through stb and placed in a batch.

namespace diffarch::detail {

/// An image as its file has it, upright: numbers from 0 to `highest`, channel fastest.
struct DecodedImage {
  Index height = 0;
  Index width = 0;
  Index channels = 0;      ///< of `values`
  double highest = 255.0;  ///< 255 of 8 bits, 65535 of 16
  std::vector<std::uint16_t> values;
};

/// Why the decoder failed, which it does not say of every failure.
[[nodiscard]] inline std::string stb_reason() {
  const char* text = stbi_failure_reason();
  return text != nullptr ? text : "the decoder gives no reason";
}

/// Decodes a checked file of 8 or 16 bits through stb; `Stored` is the type of its numbers.
template <class Stored, class Load>
[[nodiscard]] DecodedImage load_through_stb(const std::string& name, const FileBytes& file, int channels,
                                            const Load& load) {
  int width = 0;
  int height = 0;
  int channels_in_file = 0;
  const std::unique_ptr<Stored, void (*)(void*)> pixels(
      load(file.data(), static_cast<int>(file.size()), &width, &height, &channels_in_file, channels), stbi_image_free);
  if (!pixels) throw FileError(name, "cannot be decoded: " + stb_reason());
  DecodedImage image{height, width, channels, static_cast<double>(static_cast<Stored>(-1)), {}};
  image.values.assign(pixels.get(), pixels.get() + image.height * image.width * image.channels);
  return image;
}

/// Decodes an image file to `channels` channels (1 or 3), dropping alpha, and turns it upright as its EXIF block says.
/// With 0 channels it must have no alpha and keeps its own.
[[nodiscard]] inline DecodedImage decode_image(const std::filesystem::path& path, Index channels) {
  const std::string name = path.string();
  FileBytes file = read_image_bytes(path);
  const bool png = is_png(file);
  if (png)
    check_png(name, file);
  else if (is_jpeg(file))
    file = with_plain_colours(std::move(file), check_jpeg(name, file));
  else
    throw FileError(name, "starts with neither the PNG nor the JPEG signature");

  int width = 0;
  int height = 0;
  int channels_in_file = 0;
  if (stbi_info_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels_in_file) == 0)
    throw FileError(name, "cannot be decoded: " + stb_reason());
  if (channels == 0 && channels_in_file != 1 && channels_in_file != 3)
    throw OptionNeeded(name, "has an alpha channel; expected none", ImageOption::channels,
                       "set ImageOptions::channels to 1 or 3 to drop it");
  const int wanted = channels == 0 ? channels_in_file : static_cast<int>(channels);
  constexpr std::size_t png_bit_depth = 24;
  DecodedImage image = png && file[png_bit_depth] == 16
                           ? load_through_stb<stbi_us>(name, file, wanted, stbi_load_16_from_memory)
                           : load_through_stb<stbi_uc>(name, file, wanted, stbi_load_from_memory);
  make_upright(image.values, image.height, image.width, image.channels,
               png ? png_orientation(file) : jpeg_orientation(file));
  return image;
}
/// Writes an image of exactly the wanted shape, or its resized centre, to `target` (shape.size() values): `range`, or
/// else that of the file's type, becomes [-1, 1]. Throws FileError for numbers far outside of the range given.
template <class Scalar>
void place_image(const std::string& path, const DecodedImage& image, const ImageShape& shape, Scalar* target,
                 const ValueRange& range = {}) {
  const double low = range.given() ? range.low : 0.0;
  const double half = (range.given() ? range.high - range.low : image.highest) / 2.0;
  const auto value = [&](double stored) { return (stored - low) / half - 1.0; };
  if (range.given() && !image.values.empty()) {
    const auto [lowest, highest] = std::minmax_element(image.values.begin(), image.values.end());
    require_within(path, range, *lowest, *highest);
  }
  if (image.height == shape.height && image.width == shape.width) {
    for (Index i = 0; i < shape.size(); ++i)
      target[i] = static_cast<Scalar>(value(image.values[static_cast<std::size_t>(i)]));
    return;
  }
  // The largest centred rectangle with the aspect of the target, in whole pixels.
  const double aspect = static_cast<double>(shape.width) / static_cast<double>(shape.height);
  const auto rounded = [](double length, Index most) {
    return std::clamp<Index>(static_cast<Index>(std::lround(length)), 1, most);
  };
  const Index crop_width = rounded(static_cast<double>(image.height) * aspect, image.width);
  const Index crop_height = rounded(static_cast<double>(image.width) / aspect, image.height);
  const Index top = (image.height - crop_height) / 2;
  const Index left = (image.width - crop_width) / 2;

  std::vector<float> source(static_cast<std::size_t>(crop_height * crop_width * shape.channels));
  auto next = source.begin();
  for (Index row = 0; row < crop_height; ++row)
    for (Index i = 0; i < crop_width * shape.channels; ++i)
      *next++ = static_cast<float>(
          value(image.values[static_cast<std::size_t>(((top + row) * image.width + left) * shape.channels + i)]));
  std::vector<float> resized(static_cast<std::size_t>(shape.size()));
  const int done = stbir_resize_float(source.data(), static_cast<int>(crop_width), static_cast<int>(crop_height), 0,
                                      resized.data(), static_cast<int>(shape.width), static_cast<int>(shape.height), 0,
                                      static_cast<int>(shape.channels));
  if (done == 0) throw FileError(path, concat("cannot be resized to ", shape_text(shape)));
  for (Index i = 0; i < shape.size(); ++i)  // the cubic filter overshoots at edges
    target[i] = static_cast<Scalar>(std::clamp(resized[static_cast<std::size_t>(i)], -1.0F, 1.0F));
}

}  // namespace diffarch::detail
