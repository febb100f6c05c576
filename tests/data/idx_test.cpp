#include "diffarch/data/idx.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using diffarch::test::file_content;
using diffarch::test::put_file;
using diffarch::test::TemporaryFolder;

namespace {

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U & 255U),
          static_cast<char>(value >> 8U & 255U), static_cast<char>(value & 255U)};
}

/// Three images of 2 x 3 pixels with the bytes 0, 5, 10, ...
std::string three_images() {
  std::string file = big_endian(0x803) + big_endian(3) + big_endian(2) + big_endian(3);
  for (int i = 0; i < 18; ++i) file += static_cast<char>(i * 5);
  return file;
}

std::filesystem::path put_gzip(const std::filesystem::path& path, const std::string& content) {
  gzFile file = gzopen(path.string().c_str(), "wb");
  REQUIRE(gzwrite(file, content.data(), static_cast<unsigned>(content.size())) == static_cast<int>(content.size()));
  REQUIRE(gzclose(file) == Z_OK);
  return path;
}

void require_idx_refused(const std::filesystem::path& file, const std::string& reason, const IdxOptions& options = {}) {
  CAPTURE(reason);
  REQUIRE_THROWS_AS(load_idx_images<float>(file, options), FileError);
  REQUIRE_THROWS_WITH(load_idx_images<float>(file, options),
                      ContainsSubstring(reason) && ContainsSubstring(file.filename().string()));
}

}  // namespace

TEST_CASE("load_idx_images reads plain and compressed files alike", "[data]") {
  const TemporaryFolder folder;
  const auto plain = load_idx_images<double>(put_file(folder / "images-idx3-ubyte", three_images()));
  const auto packed = load_idx_images<double>(put_gzip(folder / "images-idx3-ubyte.gz", three_images()));
  REQUIRE(plain.shape() == ImageShape{2, 3, 1});
  REQUIRE(plain.size() == 3);
  REQUIRE(plain.name() == "images-idx3-ubyte");
  REQUIRE(packed.name() == plain.name());
  REQUIRE(packed.samples() == plain.samples());
  for (Index i = 0; i < 18; ++i) REQUIRE(plain.samples().data()[i] == static_cast<double>(i * 5) / 127.5 - 1.0);
}

TEST_CASE("load_idx_images takes the range of the bytes, and the images are counted without being read", "[data]") {
  const TemporaryFolder folder;
  const auto file = put_file(folder / "images", three_images());  // bytes up to 85
  const auto images = load_idx_images<double>(file, {.range = {0, 85}});
  for (Index i = 0; i < 18; ++i) REQUIRE(images.samples().data()[i] == static_cast<double>(i * 5) / 42.5 - 1.0);
  require_idx_refused(file, "outside of the range 0 to 1", {.range = {0, 1}});
  REQUIRE_THROWS_AS(load_idx_images<double>(file, {.range = {1, 0}}), InvalidArgument);
  REQUIRE(count_idx_images(file) == 3);
  REQUIRE(count_idx_images(put_file(folder / "cut", three_images().substr(0, 20))) == 3);
}

TEST_CASE("load_idx_images reads the first images and centres them in a frame of -1", "[data]") {
  const TemporaryFolder folder;
  const auto file = put_file(folder / "images", three_images());
  const auto images = load_idx_images<float>(file, {.count = 2, .height = 5, .width = 6});
  REQUIRE(images.shape() == ImageShape{5, 6, 1});
  REQUIRE(images.size() == 2);
  const ImageShape frame = images.shape();
  for (Index image = 0; image < 2; ++image)
    for (Index row = 0; row < 5; ++row)
      for (Index column = 0; column < 6; ++column) {
        // 3 rows and 3 columns to add: one above and left, two below and right.
        const bool inside = row >= 1 && row < 3 && column >= 1 && column < 4;
        const auto byte = static_cast<float>(5 * (image * 6 + (row - 1) * 3 + column - 1));
        REQUIRE(images.samples()(frame.index(row, column), image) == (inside ? byte / 127.5F - 1.0F : -1.0F));
      }
  REQUIRE_THROWS_AS(load_idx_images<float>(file, {.height = 1}), InvalidArgument);
  REQUIRE_THROWS_WITH(load_idx_images<float>(file, {.width = 2}),
                      ContainsSubstring("a frame of 2 x 2 for images of 2 x 3"));
  REQUIRE_THROWS_AS(load_idx_images<float>(file, {.count = -1}), InvalidArgument);
}

TEST_CASE("Every truncation of an IDX file is refused, plain or compressed", "[data]") {
  const TemporaryFolder folder;
  const std::string whole = three_images();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    require_idx_refused(put_file(folder / "images", whole.substr(0, size)), "truncated");
    require_idx_refused(put_gzip(folder / "images.gz", whole.substr(0, size)), "truncated");
  }
  const std::string packed = file_content(put_gzip(folder / "images.gz", whole));
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CAPTURE(size);
    require_idx_refused(put_file(folder / "images.gz", packed.substr(0, size)), "images.gz: ");
  }
}

TEST_CASE("A damaged compressed file is refused by its check sum", "[data]") {
  const TemporaryFolder folder;
  std::string packed = file_content(put_gzip(folder / "images.gz", three_images()));
  packed[packed.size() - 8] = static_cast<char>(packed[packed.size() - 8] ^ 1);  // first byte of the CRC
  require_idx_refused(put_file(folder / "images.gz", packed), "cannot be read: ");
}

TEST_CASE("Foreign and inconsistent IDX files are refused with the field", "[data]") {
  const TemporaryFolder folder;
  const std::string whole = three_images();
  require_idx_refused(folder / "missing", "does not exist; expected an IDX file");
  require_idx_refused(folder.path(), "is not a file");
  require_idx_refused(put_file(folder / "images", whole + 'x'), "bytes follow the last item");
  require_idx_refused(put_gzip(folder / "images.gz", whole + 'x'), "bytes follow the last item");
  require_idx_refused(put_file(folder / "images", "\x89PNG\r\n\x1a\n plus enough bytes for a header"),
                      "IDX magic: is 0x89504e47; expected 0x00000803 (unsigned-byte images)");
  require_idx_refused(put_file(folder / "images", big_endian(0x801) + whole.substr(4)), "is 0x00000801");
  require_idx_refused(put_file(folder / "images", big_endian(0x803) + big_endian(0) + whole.substr(8)),
                      "IDX count: is 0");
  require_idx_refused(put_file(folder / "images", big_endian(0x803) + big_endian(3) + big_endian(0) + whole.substr(12)),
                      "IDX height and width: are 0 x 3");
  require_idx_refused(
      put_file(folder / "images", big_endian(0x803) + big_endian(3) + big_endian(70000) + whole.substr(12)),
      "are 70000 x 3");
  // A length of 4 billion images must be refused for want of data, not tried as an allocation.
  require_idx_refused(put_file(folder / "images", big_endian(0x803) + big_endian(0xFFFFFFFF) + whole.substr(8)),
                      "truncated");
  require_idx_refused(put_file(folder / "images", whole), "holds 3 items but IdxOptions asks for count = 4",
                      {.count = 4});
}

TEST_CASE("load_idx_labels reads bytes as numbers and refuses images", "[data]") {
  const TemporaryFolder folder;
  const auto file = put_file(folder / "labels", big_endian(0x801) + big_endian(4) + std::string("\x03\x00\xff\x07", 4));
  REQUIRE(load_idx_labels(file) == std::vector<int>{3, 0, 255, 7});
  REQUIRE(load_idx_labels(file, 2) == std::vector<int>{3, 0});
  REQUIRE_THROWS_WITH(load_idx_labels(file, 5), ContainsSubstring("holds 4 items"));
  REQUIRE_THROWS_WITH(load_idx_labels(put_file(folder / "images", three_images())),
                      ContainsSubstring("expected 0x00000801 (unsigned-byte labels)"));
  REQUIRE_THROWS_WITH(load_idx_labels(put_file(folder / "labels", big_endian(0x801) + big_endian(4) + "abc")),
                      ContainsSubstring("truncated"));
}

TEST_CASE("load_fashion_mnist names the package when the files are missing, and accepts plain files", "[data]") {
  const TemporaryFolder folder;
  REQUIRE_THROWS_AS(load_fashion_mnist<float>({}, folder.path()), FileError);
  REQUIRE_THROWS_WITH(load_fashion_mnist<float>({}, folder.path()),
                      ContainsSubstring("dataset-fashion-mnist") && ContainsSubstring("train-images-idx3-ubyte.gz"));
  put_file(folder / "t10k-images-idx3-ubyte", three_images());
  const auto images = load_fashion_mnist<float>({}, folder.path(), FashionMnistPart::test);
  REQUIRE(images.size() == 3);
  REQUIRE(images.name() == "Fashion-MNIST test");
}

TEST_CASE("The installed Fashion-MNIST is what its authors describe", "[data]") {
  const auto folder = fashion_mnist_folder();
  if (!std::filesystem::exists(folder / "train-images-idx3-ubyte.gz")) {
    WARN("Fashion-MNIST is not installed in " << folder << " (Debian package dataset-fashion-mnist): test skipped");
    return;
  }
  const auto few = load_fashion_mnist<float>({.count = 100, .height = 32, .width = 32});
  REQUIRE(few.shape() == ImageShape{32, 32, 1});
  REQUIRE(few.size() == 100);
  REQUIRE(few.name() == "Fashion-MNIST");

  const auto train = load_fashion_mnist<float>();
  REQUIRE(train.size() == 60000);
  REQUIRE(train.shape() == ImageShape{28, 28, 1});
  // Mean 0.2860 and standard deviation 0.3530 of the values in [0, 1] are the constants in general use, to 4 digits.
  double sum = 0.0;
  double squares = 0.0;
  for (Index i = 0; i < train.size(); ++i) {
    const Vector<double> image = train.samples().col(i).cast<double>();
    sum += (image.array() * 0.5 + 0.5).sum();
    squares += (image.array() * 0.5 + 0.5).square().sum();
  }
  const double count = 60000.0 * 784.0;
  REQUIRE(std::abs(sum / count - 0.2860) < 1e-4);
  REQUIRE(std::abs(std::sqrt(squares / count - sum * sum / (count * count)) - 0.3530) < 1e-4);
  REQUIRE(few.samples()(few.shape().index(2 + 14, 2 + 14), 99) == train.samples()(train.shape().index(14, 14), 99));

  const auto labels = load_idx_labels(folder / "train-labels-idx1-ubyte.gz");
  REQUIRE(labels.size() == 60000);
  for (int label = 0; label < 10; ++label) REQUIRE(std::count(labels.begin(), labels.end(), label) == 6000);
  REQUIRE(load_fashion_mnist<float>({}, folder, FashionMnistPart::test).size() == 10000);
}
