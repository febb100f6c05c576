#include "diffarch/io/rgb_image.hpp"

#include "io/pictures.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::count_pixels;
using diffarch::test::decoded;
using diffarch::test::TemporaryFolder;

TEST_CASE("write_png stores every pixel and reads back the same", "[io]") {
  const TemporaryFolder folder;
  RgbImage image(5, 3);
  REQUIRE(image.pixel(4, 2) == Rgb::white);
  for (Index y = 0; y < 3; ++y)
    for (Index x = 0; x < 5; ++x)
      image.set_pixel(x, y, {static_cast<std::uint8_t>(x * 50), static_cast<std::uint8_t>(y * 100), 7});
  write_png(folder / "new/picture.png", image);
  REQUIRE(decoded(folder / "new/picture.png").bytes() == image.bytes());
  REQUIRE(folder.entries() == 2);
}

TEST_CASE("RgbImage refuses sizes out of range and clips what is drawn", "[io]") {
  REQUIRE_THROWS_AS(RgbImage(0, 4), InvalidArgument);
  REQUIRE_THROWS_AS(RgbImage(4, 40000), InvalidArgument);
  REQUIRE_THROWS_WITH(RgbImage(32768, 32768), ContainsSubstring("32768 x 32768"));
  RgbImage image(4, 4);
  image.fill(-2, 2, 4, 100, Rgb::black);
  REQUIRE(count_pixels(image, Rgb::black, 0, 0, 4, 4) == 4);
}
