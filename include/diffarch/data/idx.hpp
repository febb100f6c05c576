#pragma once

#include <zlib.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/image_options.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/value_range.hpp"

// The IDX format of the MNIST family, plain or gzip-compressed. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST
// database of handwritten digits", section "File formats".

namespace diffarch {

/// Which images of an IDX file to read, and their frame.
struct IdxOptions {
  Index count = 0;        ///< the first so many images; 0: all
  Index height = 0;       ///< rows after centred padding with -1; 0: as in the file
  Index width = 0;        ///< columns after centred padding with -1; 0: as in the file
  ValueRange range = {};  ///< the bytes that become -1 and 1; none: 0 and 255
};

/// The two parts of Fashion-MNIST: 60000 and 10000 images of 28 x 28 pixels.
enum class FashionMnistPart { train, test };

namespace detail {

/// Reads an IDX file from its start; zlib reads plain files as they are and checks the sums of compressed ones.
class IdxReader {
 public:
  explicit IdxReader(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code problem;
    if (!std::filesystem::exists(path, problem)) throw FileError(path_, "does not exist; expected an IDX file");
    if (!std::filesystem::is_regular_file(path, problem)) throw FileError(path_, "is not a file; expected an IDX file");
    file_.reset(gzopen(path_.c_str(), "rb"));
    if (!file_) throw FileError(path_, "cannot be opened for reading");
  }

  /// The next big-endian 32-bit number.
  [[nodiscard]] std::uint32_t number(std::string_view field) {
    std::array<std::uint8_t, 4> bytes{};
    const std::size_t got = read(bytes.data(), bytes.size());
    if (got != bytes.size())
      throw FileError(path_, concat("IDX ", field, ": only ", got, " of 4 bytes are there; the file is truncated"));
    std::uint32_t value = 0;
    for (const std::uint8_t byte : bytes) value = value << 8U | byte;
    return value;
  }

  void expect_magic(std::uint32_t wanted, std::string_view kind) {
    const std::uint32_t magic = number("magic");
    if (magic == wanted) return;
    std::array<char, 9> found{};
    std::snprintf(found.data(), found.size(), "%08x", static_cast<unsigned>(magic));
    throw FileError(path_,
                    concat("IDX magic: is 0x", found.data(), "; expected 0x0000080", wanted & 0xFU, " (", kind, ")"));
  }

  /// The next `size` bytes. Memory grows with what the file delivers: a damaged length cannot claim more.
  [[nodiscard]] std::vector<std::uint8_t> data(std::size_t size) {
    constexpr std::size_t block = std::size_t{1} << 20U;
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < size) {
      const std::size_t begin = bytes.size();
      const std::size_t wanted = std::min(block, size - begin);
      bytes.resize(begin + wanted);
      const std::size_t got = read(bytes.data() + begin, wanted);
      if (got != wanted)
        throw FileError(
            path_, concat("IDX data: only ", begin + got, " of ", size, " bytes are there; the file is truncated"));
    }
    return bytes;
  }

  /// Throws unless the file ends here; of a compressed file this also checks the sum over its content.
  void expect_end() {
    std::uint8_t byte = 0;
    const std::size_t got = read(&byte, 1);
    int code = Z_OK;
    gzerror(file_.get(), &code);
    if (code == Z_BUF_ERROR)
      throw FileError(path_, "gzip trailer: the compressed stream stops before its check sum; the file is truncated");
    if (got != 0) throw FileError(path_, "IDX data: bytes follow the last item; expected the end of the file");
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  struct Close {
    void operator()(gzFile file) const noexcept { gzclose_r(file); }
  };

  [[nodiscard]] std::size_t read(std::uint8_t* target, std::size_t size) {
    const int got = gzread(file_.get(), target, static_cast<unsigned>(size));
    int code = Z_OK;
    const std::string reason = gzerror(file_.get(), &code);
    // Z_BUF_ERROR is a compressed stream that stops early: the caller says which field it lacks.
    if (code == Z_BUF_ERROR) return static_cast<std::size_t>(std::max(got, 0));
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) throw FileError(path_, concat("cannot be read: ", reason));
    return static_cast<std::size_t>(got);
  }

  std::string path_;
  std::unique_ptr<std::remove_pointer_t<gzFile>, Close> file_;
};

/// How many of `available` items to read for the option `wanted` (0: all).
[[nodiscard]] inline Index idx_count(const std::string& path, Index wanted, Index available) {
  require(wanted >= 0, "IdxOptions: count = ", wanted, "; expected count >= 0");
  if (available == 0) throw FileError(path, "IDX count: is 0; expected at least one item");
  if (wanted > available)
    throw FileError(path, concat("holds ", available, " items but IdxOptions asks for count = ", wanted));
  return wanted == 0 ? available : wanted;
}

template <std::floating_point Scalar>
[[nodiscard]] Dataset<Scalar> read_idx_images(const std::filesystem::path& path, const IdxOptions& options,
                                              std::string name) {
  IdxReader reader(path);
  reader.expect_magic(0x803, "unsigned-byte images");
  const Index available = reader.number("count");
  const Index height = reader.number("height");
  const Index width = reader.number("width");
  constexpr Index longest = 32768;
  if (height < 1 || width < 1 || height > longest || width > longest)
    throw FileError(reader.path(), concat("IDX height and width: are ", height, " x ", width,
                                          "; expected sides in [1, ", longest, "]"));
  const Index count = idx_count(reader.path(), options.count, available);
  const ImageShape frame{options.height == 0 ? height : options.height, options.width == 0 ? width : options.width, 1};
  require(frame.height >= height && frame.width >= width && frame.height <= longest && frame.width <= longest,
          "IdxOptions: a frame of ", frame.height, " x ", frame.width, " for images of ", height, " x ", width,
          "; expected at least their size and at most ", longest);

  const std::vector<std::uint8_t> bytes = reader.data(static_cast<std::size_t>(count * height * width));
  if (count == available) reader.expect_end();
  require_range(options.range, "IdxOptions");
  const ValueRange range = options.range.given() ? options.range : ValueRange{0.0, 255.0};
  const auto [lowest, highest] = std::minmax_element(bytes.begin(), bytes.end());
  require_within(reader.path(), range, *lowest, *highest);
  const auto low = static_cast<Scalar>(range.low);
  const auto half = static_cast<Scalar>((range.high - range.low) / 2.0);
  require_memory<Scalar>(frame.size(), count, "the images of ", reader.path());
  Batch<Scalar> samples = Batch<Scalar>::Constant(frame.size(), count, Scalar(-1));
  const Index top = (frame.height - height) / 2;
  const Index left = (frame.width - width) / 2;
  const std::uint8_t* next = bytes.data();
  for (Index image = 0; image < count; ++image)
    for (Index row = 0; row < height; ++row)
      for (Index column = 0; column < width; ++column)
        samples(frame.index(top + row, left + column), image) = (static_cast<Scalar>(*next++) - low) / half - Scalar(1);
  return Dataset<Scalar>(std::move(samples), frame, std::move(name));
}

}  // namespace detail

/// Reads the images of an IDX file of unsigned bytes (magic 0x00000803), plain or gzip: one channel, values
/// v / 127.5 - 1 in [-1, 1], or as the options' range says, centred in a larger frame of -1 (their black) when the
/// options ask for one. The data set is named after the file. When only the first images are asked for, the rest of the
/// file is not read, and so not checked. Throws FileError, naming the field and what was expected, for a file that is
/// missing, foreign, truncated, damaged or too long, or holds fewer images than asked for, or bytes far outside of the
/// range given; InvalidArgument for a frame smaller than the images.
template <std::floating_point Scalar = float>
[[nodiscard]] Dataset<Scalar> load_idx_images(const std::filesystem::path& path, const IdxOptions& options = {}) {
  const std::filesystem::path name = path.extension() == ".gz" ? path.stem() : path.filename();
  return detail::read_idx_images<Scalar>(path, options, name.string());
}

/// The number of images that the head of an IDX file claims; the images are not read. Throws FileError like
/// load_idx_images.
[[nodiscard]] inline Index count_idx_images(const std::filesystem::path& path) {
  detail::IdxReader reader(path);
  reader.expect_magic(0x803, "unsigned-byte images");
  return detail::idx_count(reader.path(), 0, reader.number("count"));
}

/// Reads the labels of an IDX file (magic 0x00000801): the first `count`, 0 for all. Throws FileError like
/// load_idx_images.
[[nodiscard]] inline std::vector<int> load_idx_labels(const std::filesystem::path& path, Index count = 0) {
  detail::IdxReader reader(path);
  reader.expect_magic(0x801, "unsigned-byte labels");
  const Index available = reader.number("count");
  const Index wanted = detail::idx_count(reader.path(), count, available);
  const std::vector<std::uint8_t> bytes = reader.data(static_cast<std::size_t>(wanted));
  if (wanted == available) reader.expect_end();
  return {bytes.begin(), bytes.end()};
}

/// Returns the folder into which the Debian package dataset-fashion-mnist installs its files.
[[nodiscard]] inline std::filesystem::path fashion_mnist_folder() { return "/usr/share/datasets/fashion-mnist"; }

/// Reads Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) from its IDX files, compressed or not, in `folder`.
/// Throws FileError when they are missing, with where to get them, and otherwise like load_idx_images.
template <std::floating_point Scalar = float>
[[nodiscard]] Dataset<Scalar> load_fashion_mnist(const IdxOptions& options = {},
                                                 const std::filesystem::path& folder = fashion_mnist_folder(),
                                                 FashionMnistPart part = FashionMnistPart::train) {
  const std::string name = part == FashionMnistPart::train ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte";
  std::error_code ignored;
  for (const char* extension : {".gz", ""}) {
    const std::filesystem::path file = folder / (name + extension);
    if (!std::filesystem::exists(file, ignored)) continue;
    return detail::read_idx_images<Scalar>(file, options,
                                           part == FashionMnistPart::train ? "Fashion-MNIST" : "Fashion-MNIST test");
  }
  throw FileError((folder / (name + ".gz")).string(),
                  "does not exist; install the Debian package dataset-fashion-mnist or pass the folder that holds the "
                  "four files of Fashion-MNIST");
}

}  // namespace diffarch
