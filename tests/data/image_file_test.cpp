#include "diffarch/data/image_file.hpp"

#include "data/exif_blocks.hpp"
#include "data/fixtures.hpp"
#include "diffarch/io/npy.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

namespace diffarch {
namespace {

using detail::DecodedImage;
using test::data_fixture;

/// Mean and largest distance, in units of a byte, from what PIL reads of a fixture.
std::pair<double, double> distance_to_pil(const std::string& name, const std::string& ending) {
  const DecodedImage image = detail::decode_image(data_fixture(name + ending), 3);
  const auto right = read_npy<double>(data_fixture(name + ".npy"));
  REQUIRE(right.shape == std::vector<Index>{image.height, image.width, image.channels});
  double sum = 0.0;
  double largest = 0.0;
  for (std::size_t i = 0; i < right.values.size(); ++i) {
    const double distance = std::abs(static_cast<double>(image.values[i]) - right.values[i]);
    sum += distance;
    largest = std::max(largest, distance);
  }
  return {sum / static_cast<double>(right.values.size()), largest};
}

TEST_CASE("JPEG of every kind of colours is what PIL reads, up to rounding", "[data]") {
  for (const char* name : {"cmyk", "cmyk_no_marker", "ycck", "ycck_called_ycc", "rgb_by_name", "ycc_by_jfif",
                           "ycc_by_adobe", "rgb_by_adobe"}) {
    CAPTURE(name);
    const auto [mean, largest] = distance_to_pil(name, ".jpg");
    CHECK(mean < 1.0);
    CHECK(largest <= 4.0);
  }
}

TEST_CASE("PNG of every kind of colours is what PIL reads when alpha is dropped", "[data]") {
  for (const char* name : {"rgb", "gray", "gray_alpha", "rgba", "palette", "palette_alpha"}) {
    CAPTURE(name);
    REQUIRE(distance_to_pil(name, ".png").second == 0.0);
  }
  REQUIRE_THROWS_AS(detail::decode_image(data_fixture("palette_alpha.png"), 0), OptionNeeded);
}

TEST_CASE("16-bit PNG keeps its 16 bits", "[data]") {
  const DecodedImage image = detail::decode_image(data_fixture("gray16.png"), 0);
  REQUIRE(image.channels == 1);
  REQUIRE(image.highest == 65535.0);
  const auto right = read_npy<double>(data_fixture("gray16.npy"));
  REQUIRE(image.values.size() == right.values.size());
  for (std::size_t i = 0; i < right.values.size(); ++i) REQUIRE(image.values[i] == right.values[i]);

  const ImageShape shape{image.height, image.width, 1};
  std::vector<double> natural(right.values.size());
  detail::place_image("a", image, shape, natural.data());
  std::vector<double> ranged(right.values.size());
  detail::place_image("a", image, shape, ranged.data(), {0, 4095});
  for (std::size_t i = 0; i < right.values.size(); ++i) {
    REQUIRE(natural[i] == right.values[i] / 32767.5 - 1.0);
    REQUIRE(ranged[i] == right.values[i] / 2047.5 - 1.0);
  }
  REQUIRE_THROWS_AS(detail::place_image("a", image, shape, ranged.data(), {0, 255}), FileError);
}

TEST_CASE("A photo is decoded upright, from JPEG and from PNG", "[data]") {
  const test::TemporaryFolder folder;
  const auto jpeg = test::file_content(data_fixture("rgb_by_adobe.jpg"));
  const auto png = test::file_content(data_fixture("rgb.png"));
  const auto chunk = [](const std::string& body) {
    const std::string named = "eXIf" + body;
    const std::uint32_t crc = detail::png_checksum(reinterpret_cast<const std::uint8_t*>(named.data()), named.size());
    std::string whole{0, 0, 0, static_cast<char>(body.size())};
    whole += named;
    for (unsigned i = 0; i < 4; ++i) whole += static_cast<char>(crc >> (24U - 8U * i));
    return whole;
  };
  for (const bool big_endian : {false, true})
    for (unsigned orientation = 1; orientation <= 8; ++orientation) {
      CAPTURE(big_endian, orientation);
      const std::string block = test::exif_block(orientation, big_endian);
      const std::string body = std::string("Exif\0\0", 6) + block;
      const std::string segment = std::string{'\xff', '\xe1', 0, static_cast<char>(body.size() + 2)} + body;
      const std::size_t header = 8 + 12 + 13;
      const auto turned_jpeg = test::put_file(folder / "a.jpg", jpeg.substr(0, 2) + segment + jpeg.substr(2));
      const auto turned_png =
          test::put_file(folder / "a.png", png.substr(0, header) + chunk(block) + png.substr(header));
      for (const auto& [turned, plain] :
           {std::pair{turned_jpeg, data_fixture("rgb_by_adobe.jpg")}, std::pair{turned_png, data_fixture("rgb.png")}}) {
        DecodedImage expected = detail::decode_image(plain, 3);
        detail::make_upright(expected.values, expected.height, expected.width, 3, static_cast<int>(orientation));
        REQUIRE(detail::decode_image(turned, 3).values == expected.values);
      }
    }
}

}  // namespace
}  // namespace diffarch
