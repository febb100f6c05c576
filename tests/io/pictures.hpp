#pragma once

#include <stb_image.h>

#include <filesystem>

#include "catch.hpp"
#include "diffarch/io/rgb_image.hpp"

// What tests of pictures look at.

namespace diffarch::test {

[[nodiscard]] inline RgbImage decoded(const std::filesystem::path& path) {
  int width = 0;
  int height = 0;
  int channels = 0;
  stbi_uc* pixels = stbi_load(path.string().c_str(), &width, &height, &channels, 3);
  REQUIRE(pixels != nullptr);
  RgbImage image(width, height);
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x) {
      const stbi_uc* pixel = pixels + (y * width + x) * 3;
      image.set_pixel(x, y, {pixel[0], pixel[1], pixel[2]});
    }
  stbi_image_free(pixels);
  return image;
}

[[nodiscard]] inline Index count_pixels(const RgbImage& image, Rgb colour, Index x, Index y, Index width,
                                        Index height) {
  Index count = 0;
  for (Index row = y; row < y + height; ++row)
    for (Index column = x; column < x + width; ++column)
      if (image.pixel(column, row) == colour) ++count;
  return count;
}

}  // namespace diffarch::test
