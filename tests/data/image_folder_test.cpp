#include "diffarch/data/image_folder.hpp"

#include <stb_image_write.h>

#include <cmath>

#include "catch.hpp"
#include "data/fixtures.hpp"
#include "diffarch/io/npy.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::file_content;
using diffarch::test::put_file;
using diffarch::test::TemporaryFolder;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// Pixel bytes that depend on place, channel and `seed`.
Bytes pattern(int height, int width, int channels, int seed) {
  Bytes bytes;
  for (int row = 0; row < height; ++row)
    for (int column = 0; column < width; ++column)
      for (int channel = 0; channel < channels; ++channel)
        bytes.push_back(static_cast<std::uint8_t>((row * 7 + column * 13 + channel * 50 + seed * 31) % 256));
  return bytes;
}

void put_png(const std::filesystem::path& path, int height, int width, int channels, const Bytes& bytes) {
  REQUIRE(stbi_write_png(path.string().c_str(), width, height, channels, bytes.data(), 0) != 0);
}

void put_png(const std::filesystem::path& path, int height, int width, int channels, int seed) {
  put_png(path, height, width, channels, pattern(height, width, channels, seed));
}

void put_jpg(const std::filesystem::path& path, int height, int width, const Bytes& rgb) {
  REQUIRE(stbi_write_jpg(path.string().c_str(), width, height, 3, rgb.data(), 95) != 0);
}

void require_folder_refused(const std::filesystem::path& folder, const std::string& reason,
                            const ImageOptions& options = {}) {
  CAPTURE(reason);
  REQUIRE_THROWS_AS(load_images(folder, options), FileError);
  REQUIRE_THROWS_WITH(load_images(folder, options), ContainsSubstring(reason));
}

}  // namespace

TEST_CASE("load_images reads all images in the order of their names, byte v as v / 127.5 - 1", "[data]") {
  const TemporaryFolder folder;
  const auto images = folder / "pictures";
  std::filesystem::create_directories(images / "c_subfolder.png");  // not looked at, like the next three
  put_file(images / "notes.txt", "not an image");
  put_file(images / ".hidden.png", "not an image");
  put_png(images / "b.PNG", 3, 4, 3, 2);
  put_png(images / "a.png", 3, 4, 3, 1);
  put_png(images / "c.png", 3, 4, 3, 3);

  const Dataset<double> data = load_images<double>(images);
  REQUIRE(data.size() == 3);
  REQUIRE(data.shape() == ImageShape{3, 4, 3});
  REQUIRE(data.name() == "pictures");
  for (int i = 0; i < 3; ++i) {
    const Bytes bytes = pattern(3, 4, 3, i + 1);
    for (Index p = 0; p < 36; ++p) REQUIRE(data.samples()(p, i) == bytes[static_cast<std::size_t>(p)] / 127.5 - 1.0);
  }
  REQUIRE(load_images(images / "").name() == "pictures");
  REQUIRE(load_images<double>(images, {.count = 2}).samples() == data.samples().leftCols(2));
  REQUIRE(load_images<double>(images, {.height = 3, .width = 4}).samples() == data.samples());
}

TEST_CASE("load_images reads JPEG within its compression error", "[data]") {
  const TemporaryFolder folder;
  Bytes smooth;
  for (int row = 0; row < 32; ++row)
    for (int column = 0; column < 48; ++column)
      for (int channel = 0; channel < 3; ++channel) smooth.push_back(static_cast<std::uint8_t>(60 + 3 * row + channel));
  put_jpg(folder / "a.jpg", 32, 48, smooth);
  put_jpg(folder / "b.JPEG", 32, 48, smooth);
  const Dataset<float> data = load_images(folder.path());
  REQUIRE(data.size() == 2);
  REQUIRE(data.shape() == ImageShape{32, 48, 3});
  // A smooth ramp at quality 95 is off by a few grey levels (of 127.5 a unit).
  for (Index p = 0; p < data.dimension(); ++p)
    REQUIRE(std::abs(data.samples()(p, 0) - (static_cast<float>(smooth[static_cast<std::size_t>(p)]) / 127.5F - 1.0F)) <
            5.0F / 127.5F);
}

TEST_CASE("load_images crops about the centre and resizes", "[data]") {
  const TemporaryFolder folder;
  // A wide picture: the middle 8 x 8 is white, the sides are black and must be cropped away.
  Bytes bytes;
  for (int row = 0; row < 8; ++row)
    for (int column = 0; column < 20; ++column)
      bytes.push_back(column >= 6 && column < 14 ? std::uint8_t{255} : std::uint8_t{0});
  put_png(folder / "wide.png", 8, 20, 1, bytes);
  for (const Index side : {4, 8, 16}) {
    const Dataset<float> data = load_images(folder.path(), {.height = side, .width = side});
    REQUIRE(data.shape() == ImageShape{side, side, 1});
    // A constant picture stays constant under any filter whose weights sum to 1, to float rounding of the weights.
    REQUIRE((data.samples().array() - 1.0F).abs().maxCoeff() < 1e-5F);
  }
}

TEST_CASE("load_images resizes a linear ramp to a linear ramp of the same range", "[data]") {
  const TemporaryFolder folder;
  Bytes bytes;
  for (int row = 0; row < 64; ++row)
    for (int column = 0; column < 64; ++column) bytes.push_back(static_cast<std::uint8_t>(2 * column + 64));
  put_png(folder / "ramp.png", 64, 64, 1, bytes);
  const Dataset<float> data = load_images(folder.path(), {.height = 16, .width = 16});
  const ImageShape shape = data.shape();
  // Output pixel c covers input pixels 4 c ... 4 c + 3, whose mean is 2 (4 c + 1.5) + 64. Symmetric filters keep linear
  // functions except where they reach over the edge (2 output pixels). 0.01 is the table precision of the filter.
  for (Index row = 0; row < 16; ++row)
    for (Index column = 2; column < 14; ++column) {
      const double expected = (2.0 * (4.0 * static_cast<double>(column) + 1.5) + 64.0) / 127.5 - 1.0;
      REQUIRE(std::abs(static_cast<double>(data.samples()(shape.index(row, column), 0)) - expected) < 0.01);
    }
  REQUIRE(data.samples().minCoeff() >= -1.0F);
  REQUIRE(data.samples().maxCoeff() <= 1.0F);
}

TEST_CASE("load_images reads the 65536 values of 16-bit PNG", "[data]") {
  const TemporaryFolder folder;
  // zlib stream (stored block) of one row: filter 0, then the big-endian gray values 0x0000, 0x8034, 0xffff.
  constexpr unsigned char png[] = {
      0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
      0x03, 0x00, 0x00, 0x00, 0x01, 0x10, 0x00, 0x00, 0x00, 0x00, 0x6e, 0x1b, 0x97, 0x2b, 0x00, 0x00, 0x00, 0x12, 0x49,
      0x44, 0x41, 0x54, 0x78, 0x01, 0x01, 0x07, 0x00, 0xf8, 0xff, 0x00, 0x00, 0x00, 0x80, 0x34, 0xff, 0xff, 0x05, 0xa0,
      0x02, 0xb3, 0x78, 0x94, 0x09, 0x17, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
  put_file(folder / "deep.png", {reinterpret_cast<const char*>(png), sizeof png});
  const Dataset<double> data = load_images<double>(folder.path());
  REQUIRE(data.shape() == ImageShape{1, 3, 1});
  REQUIRE(data.samples()(0, 0) == -1.0);
  REQUIRE(data.samples()(1, 0) == 0x8034 / 32767.5 - 1.0);
  REQUIRE(data.samples()(2, 0) == 1.0);
  const Dataset<double> scaled = load_images<double>(folder.path(), {.range = {0, 50000}});
  REQUIRE(scaled.samples()(1, 0) == 0x8034 / 25000.0 - 1.0);
  require_folder_refused(folder.path(), "outside of the range 0 to 4095", {.range = {0, 4095}});
  put_png(folder / "flat.png", 1, 3, 1, 1);
  REQUIRE(load_images(folder.path()).size() == 2);
  require_folder_refused(folder.path(), "flat.png: has numbers up to 255 but those of", {.range = {0, 65535}});
  REQUIRE_THROWS_AS(load_images(folder.path(), {.range = {1, 0}}), InvalidArgument);
}

TEST_CASE("Channels are converted when asked for and must agree otherwise", "[data]") {
  const TemporaryFolder folder;
  put_png(folder / "a.png", 2, 2, 3, 1);
  put_png(folder / "b.png", 2, 2, 1, 2);
  require_folder_refused(folder.path(), "b.png: has 1 channels but");
  require_folder_refused(folder.path(), "set ImageOptions::channels to convert all");

  const Dataset<double> colour = load_images<double>(folder.path(), {.channels = 3});
  REQUIRE(colour.shape() == ImageShape{2, 2, 3});
  for (Index p = 0; p < 4; ++p) REQUIRE(colour.samples()(3 * p, 1) == colour.samples()(3 * p + 2, 1));
  REQUIRE(load_images(folder.path(), {.channels = 1}).shape() == ImageShape{2, 2, 1});
}

TEST_CASE("Alpha is refused unless the channels are given, then dropped", "[data]") {
  const TemporaryFolder folder;
  Bytes rgba = pattern(2, 2, 4, 1);
  put_png(folder / "a.png", 2, 2, 4, rgba);
  require_folder_refused(folder.path(), "a.png: has an alpha channel; expected none");
  const Dataset<double> data = load_images<double>(folder.path(), {.channels = 3});
  for (Index p = 0; p < 4; ++p)
    for (Index channel = 0; channel < 3; ++channel)
      REQUIRE(data.samples()(3 * p + channel, 0) == rgba[static_cast<std::size_t>(4 * p + channel)] / 127.5 - 1.0);

  const TemporaryFolder gray_first;
  put_png(gray_first / "a.png", 2, 2, 1, 1);
  put_png(gray_first / "b.png", 2, 2, 2, 1);
  require_folder_refused(gray_first.path(), "b.png: has an alpha channel");
}

TEST_CASE("Gray, gray and alpha, RGBA and palettes among RGB are what PIL reads, once the channels are given",
          "[data]") {
  const TemporaryFolder folder;
  for (const char* name : {"rgb", "rgba", "gray", "gray_alpha", "palette", "palette_alpha"})
    std::filesystem::copy(test::data_fixture(std::string(name) + ".png"), folder.path());
  require_folder_refused(folder.path(), "gray_alpha.png: has an alpha channel");
  const Dataset<double> data = load_images<double>(folder.path(), {.channels = 3});
  REQUIRE(data.shape() == ImageShape{16, 16, 3});
  Index image = 0;
  for (const char* name : {"gray", "gray_alpha", "palette", "palette_alpha", "rgb", "rgba"}) {
    CAPTURE(name);
    const auto right = read_npy<double>(test::data_fixture(std::string(name) + ".npy")).values;
    for (Index i = 0; i < data.dimension(); ++i)
      REQUIRE(data.samples()(i, image) == right[static_cast<std::size_t>(i)] / 127.5 - 1.0);
    ++image;
  }
  std::filesystem::remove(folder / "gray.png");
  std::filesystem::remove(folder / "gray_alpha.png");
  require_folder_refused(folder.path(), "palette_alpha.png: has an alpha channel; expected none");
}

TEST_CASE("Sizes must agree unless the size is given", "[data]") {
  const TemporaryFolder folder;
  put_png(folder / "a.png", 4, 6, 1, 1);
  put_png(folder / "b.png", 4, 5, 1, 2);
  require_folder_refused(folder.path(), "b.png: is 4 x 5 but");
  require_folder_refused(folder.path(), "set ImageOptions::height and width to resize all");
  REQUIRE(load_images(folder.path(), {.height = 3, .width = 3}).size() == 2);
  REQUIRE(load_images(folder.path(), {.count = 1}).shape() == ImageShape{4, 6, 1});
}

TEST_CASE("Folders without images are refused by name", "[data]") {
  const TemporaryFolder folder;
  require_folder_refused(folder / "missing", "missing: does not exist; expected a folder");
  require_folder_refused(folder.path(), "holds no PNG or JPEG images");
  put_png(folder / "a.png", 2, 2, 1, 1);
  require_folder_refused(folder / "a.png", "is not a folder");
  require_folder_refused(folder.path(), "holds 1 images but ImageOptions asks for count = 2", {.count = 2});
}

TEST_CASE("Options out of range are refused", "[data]") {
  const TemporaryFolder folder;
  put_png(folder / "a.png", 2, 2, 1, 1);
  REQUIRE_THROWS_WITH(load_images(folder.path(), {.height = 8}), ContainsSubstring("height = 8, width = 0"));
  REQUIRE_THROWS_AS(load_images(folder.path(), {.height = -1, .width = -1}), InvalidArgument);
  REQUIRE_THROWS_AS(load_images(folder.path(), {.channels = 2}), InvalidArgument);
  REQUIRE_THROWS_AS(load_images(folder.path(), {.count = -1}), InvalidArgument);
}

TEST_CASE("Every truncation of a PNG is refused", "[data]") {
  const TemporaryFolder folder;
  put_png(folder / "whole.png", 9, 7, 3, 1);
  const std::string whole = file_content(folder / "whole.png");
  std::filesystem::remove(folder / "whole.png");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    put_file(folder / "cut.png", std::string_view(whole).substr(0, size));
    require_folder_refused(folder.path(), "cut.png: ");
  }
  put_file(folder / "cut.png", std::string_view(whole).substr(0, whole.size() / 2));
  require_folder_refused(folder.path(), "the file is truncated");
}

TEST_CASE("A PNG with any byte flipped is refused", "[data]") {
  const TemporaryFolder folder;
  put_png(folder / "a.png", 5, 4, 1, 1);
  const std::string whole = file_content(folder / "a.png");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CAPTURE(at);
    put_file(folder / "a.png", damaged);
    require_folder_refused(folder.path(), "a.png: ");
  }
}

TEST_CASE("Every truncation of a JPEG is refused", "[data]") {
  const TemporaryFolder folder;
  put_jpg(folder / "whole.jpg", 16, 24, pattern(16, 24, 3, 1));
  const std::string whole = file_content(folder / "whole.jpg");
  std::filesystem::remove(folder / "whole.jpg");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    put_file(folder / "cut.jpg", std::string_view(whole).substr(0, size));
    require_folder_refused(folder.path(), "cut.jpg: ");
  }
  put_file(folder / "cut.jpg", std::string_view(whole).substr(0, whole.size() / 2));
  require_folder_refused(folder.path(), "the file is truncated");
}

TEST_CASE("An image that claims more pixels than its bytes can hold is refused before memory is taken for it",
          "[data]") {
  const TemporaryFolder folder;
  const auto put_big_endian = [](std::string& bytes, std::size_t at, std::uint32_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) bytes[at + i] = static_cast<char>(value >> (8 * (count - 1 - i)));
  };
  put_png(folder / "a.png", 3, 4, 3, 1);
  std::string png = file_content(folder / "a.png");
  const auto claim = [&](std::uint32_t width, std::uint32_t height) {
    put_big_endian(png, 16, width, 4);
    put_big_endian(png, 20, height, 4);
    const auto* chunk = reinterpret_cast<const std::uint8_t*>(png.data()) + 12;
    put_big_endian(png, 29, detail::png_checksum(chunk, 17), 4);  // a header that is whole, and a lie
    put_file(folder / "a.png", png);
  };
  claim(30000, 20000);
  require_folder_refused(folder.path(), "PNG: claims 20000 x 30000 pixels");
  claim(4, 0xFFFFFFFF);
  require_folder_refused(folder.path(), "PNG: claims 4294967295 x 4 pixels");
  std::filesystem::remove(folder / "a.png");

  put_jpg(folder / "a.jpg", 8, 8, pattern(8, 8, 3, 1));
  std::string jpeg = file_content(folder / "a.jpg");
  const std::size_t frame = jpeg.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  put_big_endian(jpeg, frame + 5, 60000, 2);
  put_big_endian(jpeg, frame + 7, 50000, 2);
  put_file(folder / "a.jpg", jpeg);
  require_folder_refused(folder.path(), "JPEG: claims 60000 x 50000 pixels");
}

TEST_CASE("An image that compresses as far as the formats allow is read", "[data]") {
  const TemporaryFolder folder;
  put_png(folder / "a.png", 600, 500, 1, Bytes(300000, 0));
  put_png(folder / "b.png", 600, 500, 1, Bytes(300000, 255));
  REQUIRE(load_images(folder.path()).size() == 2);
  const TemporaryFolder jpegs;
  put_jpg(jpegs / "a.jpg", 600, 500, Bytes(900000, 0));
  REQUIRE(load_images(jpegs.path()).shape() == ImageShape{600, 500, 3});
}

TEST_CASE("A file that is no image is refused whatever its extension says", "[data]") {
  const TemporaryFolder folder;
  put_png(folder / "a.png", 2, 2, 1, 1);
  put_file(folder / "b.png", "GIF89a and so on");
  require_folder_refused(folder.path(), "b.png: starts with neither the PNG nor the JPEG signature");
  std::filesystem::rename(folder / "a.png", folder / "b.png");
  put_png(folder / "a.jpg", 2, 2, 1, 2);  // a PNG by content
  REQUIRE(load_images(folder.path()).size() == 2);
}
