#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/little_endian.hpp"
#include "diffarch/io/npy_header.hpp"

// NumPy's .npy format, versions 1, 2 and 3. Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy
// arrays", and the documentation of numpy.lib.format.

namespace diffarch {

/// An n-dimensional array as NumPy sees it: `values` in C order (last index fastest), one per element of `shape`.
/// An empty shape is a single number.
template <class Scalar>
struct NpyArray {
  std::vector<Index> shape;
  std::vector<Scalar> values;
};

namespace detail {

/// The element types that are read; all little-endian.
enum class NpyType { float32, float64, uint8, int32, int64 };

[[nodiscard]] inline NpyType npy_type(const std::string& path, const std::string& descr) {
  if (descr == "<f4") return NpyType::float32;
  if (descr == "<f8") return NpyType::float64;
  if (descr == "|u1" || descr == "<u1") return NpyType::uint8;
  if (descr == "<i4") return NpyType::int32;
  if (descr == "<i8") return NpyType::int64;
  std::string reason;
  if (descr.starts_with('>')) reason = " is big-endian";
  if (descr == "|O") reason = " holds Python objects";
  throw FileError(path, concat("npy descr: dtype '", descr, "'", reason.empty() ? " is not supported" : reason,
                               "; expected one of <f4, <f8, |u1, <i4, <i8"));
}

[[nodiscard]] constexpr std::size_t npy_item_size(NpyType type) {
  switch (type) {
    case NpyType::uint8:
      return 1;
    case NpyType::float32:
    case NpyType::int32:
      return 4;
    case NpyType::float64:
    case NpyType::int64:
      break;
  }
  return 8;
}

template <class Scalar>
[[nodiscard]] Scalar npy_value(const unsigned char* bytes, NpyType type) {
  switch (type) {
    case NpyType::float32:
      return static_cast<Scalar>(from_little_endian<float>(bytes));
    case NpyType::float64:
      return static_cast<Scalar>(from_little_endian<double>(bytes));
    case NpyType::int32:
      return static_cast<Scalar>(from_little_endian<std::int32_t>(bytes));
    case NpyType::int64:
      return static_cast<Scalar>(from_little_endian<std::int64_t>(bytes));
    case NpyType::uint8:
      break;
  }
  return static_cast<Scalar>(*bytes);
}

/// An open .npy file whose header has been checked against the size of the file: the data can be read into `count()`
/// values without any further bound.
class NpyReader {
 public:
  explicit NpyReader(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code problem;
    if (!std::filesystem::exists(path, problem)) throw FileError(path_, "does not exist; expected a .npy file");
    if (!std::filesystem::is_regular_file(path, problem)) throw FileError(path_, "is not a file; expected a .npy file");
    file_size_ = std::filesystem::file_size(path, problem);
    file_.open(path, std::ios::binary);
    if (problem || !file_) throw FileError(path_, "cannot be opened for reading");
    read_header();
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::vector<Index>& shape() const noexcept { return shape_; }
  [[nodiscard]] NpyType type() const noexcept { return type_; }
  [[nodiscard]] Index count() const noexcept { return count_; }

  /// Writes the count() values to `values` in C order. Throws FileError for a NaN, an infinity, or a number that
  /// overflows Scalar.
  template <class Scalar>
  void read(Scalar* values) {
    constexpr std::size_t block = std::size_t{1} << 16U;
    const std::size_t item = npy_item_size(type_);
    std::vector<unsigned char> bytes(block * item);
    FortranOrder fortran(shape_);
    for (Index begin = 0; begin < count_; begin += static_cast<Index>(block)) {
      const auto size = static_cast<std::size_t>(std::min<Index>(static_cast<Index>(block), count_ - begin));
      read_bytes(bytes.data(), size * item, "data");
      for (std::size_t i = 0; i < size; ++i) {
        const Index target = fortran_order_ ? fortran.next() : begin + static_cast<Index>(i);
        values[target] = npy_value<Scalar>(bytes.data() + i * item, type_);
      }
    }
    for (Index i = 0; i < count_; ++i) {
      if (!std::isfinite(values[i]))
        throw FileError(path_, concat("npy data: element ", index_text(i), " is ", values[i],
                                      "; expected finite numbers that fit the ", sizeof(Scalar) * 8, "-bit type read"));
    }
  }

 private:
  /// C-order positions of the elements of an array, visited in Fortran order (first index fastest).
  class FortranOrder {
   public:
    explicit FortranOrder(const std::vector<Index>& shape)
        : shape_(shape), stride_(shape.size()), index_(shape.size(), 0) {
      Index stride = 1;
      for (std::size_t axis = shape.size(); axis-- > 0;) {
        stride_[axis] = stride;
        stride *= std::max<Index>(shape[axis], 1);
      }
    }
    [[nodiscard]] Index next() {
      const Index current = position_;
      for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
        position_ += stride_[axis];
        if (++index_[axis] < shape_[axis]) break;
        position_ -= stride_[axis] * shape_[axis];
        index_[axis] = 0;
      }
      return current;
    }

   private:
    const std::vector<Index>& shape_;
    std::vector<Index> stride_;
    std::vector<Index> index_;
    Index position_ = 0;
  };

  void read_header() {
    std::array<unsigned char, 8> start{};
    read_bytes(start.data(), start.size(), "magic");
    constexpr std::array<unsigned char, 6> magic{0x93, 'N', 'U', 'M', 'P', 'Y'};
    if (!std::equal(magic.begin(), magic.end(), start.begin()))
      throw FileError(path_, "npy magic: the file does not start with \\x93NUMPY; expected a .npy file");
    const int major = start[6];
    const int minor = start[7];
    if (major < 1 || major > 3 || minor != 0)
      throw FileError(path_, concat("npy version: is ", major, ".", minor, "; expected 1.0, 2.0 or 3.0"));

    std::array<unsigned char, 4> length_bytes{};
    read_bytes(length_bytes.data(), major == 1 ? 2 : 4, "header length");
    const std::size_t length = from_little_endian<std::uint32_t>(length_bytes.data());
    if (length > file_size_ - position_)
      throw FileError(path_, concat("npy header length: is ", length, " bytes but only ", file_size_ - position_,
                                    " follow; the file is truncated or damaged"));
    std::string header(length, '\0');
    read_bytes(header.data(), length, "header");

    NpyHeaderParser parser(path_, header);
    parser.parse();
    type_ = npy_type(path_, parser.descr);
    fortran_order_ = parser.fortran_order;
    shape_ = std::move(parser.shape);
    count_ = checked_count();

    const std::uintmax_t expected = static_cast<std::uintmax_t>(count_) * npy_item_size(type_);
    const std::uintmax_t present = file_size_ - position_;
    if (present != expected)
      throw FileError(path_, concat("npy data: ", present, " bytes follow the header; expected ", expected, " for ",
                                    npy_shape_text(shape_), " of ", parser.descr,
                                    present < expected ? " (the file is truncated)" : " (trailing bytes)"));
  }

  [[nodiscard]] Index checked_count() const {
    const std::optional<Index> count = npy_count(shape_);
    if (!count)
      throw FileError(path_, concat("npy shape: ", npy_shape_text(shape_), " has more elements than memory can hold"));
    return *count;
  }

  void read_bytes(void* target, std::size_t size, std::string_view field) {
    file_.read(static_cast<char*>(target), static_cast<std::streamsize>(size));
    const auto got = static_cast<std::size_t>(file_.gcount());
    if (got != size)
      throw FileError(path_, concat("npy ", field, ": expected ", size, " bytes at byte ", position_, " but only ", got,
                                    " are left; the file is truncated"));
    position_ += size;
  }

  [[nodiscard]] std::string index_text(Index position) const {
    std::string text;
    for (std::size_t axis = shape_.size(); axis-- > 0;) {
      text = concat(position % shape_[axis], text.empty() ? "" : ", ", text);
      position /= shape_[axis];
    }
    return "[" + text + "]";
  }

  std::string path_;
  std::ifstream file_;
  std::uintmax_t file_size_ = 0;
  std::uintmax_t position_ = 0;
  NpyType type_ = NpyType::float32;
  bool fortran_order_ = false;
  std::vector<Index> shape_;
  Index count_ = 0;
};

/// Writes `values` (C order, one per element of `shape`) as format version 1, laid out as numpy.save does.
template <class Scalar>
void write_npy_values(const std::filesystem::path& path, const std::vector<Index>& shape,
                      std::span<const Scalar> values) {
  static_assert(std::same_as<Scalar, float> || std::same_as<Scalar, double>, "npy files hold float or double");
  for (std::size_t i = 0; i < values.size(); ++i)
    require<NumericalError>(std::isfinite(values[i]), "write_npy ", path.string(), ": value ", i, " is ", values[i],
                            "; expected finite numbers");

  std::string header =
      concat("{'descr': '<f", sizeof(Scalar), "', 'fortran_order': False, 'shape': ", npy_shape_text(shape), ", }");
  constexpr std::size_t preamble = 10;  // magic, version and header length
  constexpr std::size_t alignment = 64;
  header.append(alignment - 1 - (preamble + header.size()) % alignment, ' ');
  header += '\n';

  AtomicFile file(path);
  const std::array<char, preamble> start{'\x93',
                                         'N',
                                         'U',
                                         'M',
                                         'P',
                                         'Y',
                                         1,
                                         0,
                                         static_cast<char>(header.size() & 255U),
                                         static_cast<char>(header.size() >> 8U)};
  file.write(std::string_view(start.data(), start.size()));
  file.write(header);
  if constexpr (std::endian::native == std::endian::little) {
    file.write(std::as_bytes(values));
  } else {
    for (const Scalar value : values) {
      auto bytes = std::bit_cast<std::array<std::byte, sizeof(Scalar)>>(value);
      std::reverse(bytes.begin(), bytes.end());
      file.write(bytes);
    }
  }
  file.commit();
}

}  // namespace detail

/// Reads an array of <f4, <f8, |u1, <i4 or <i8 in C or Fortran order and converts its elements to Scalar (float or
/// double), rounding where Scalar is narrower.
/// Throws FileError, naming the field and what was expected, for anything else: a missing file, foreign magic, a
/// damaged header, another dtype, data shorter or longer than the shape says, a NaN or an infinity (with its index).
template <std::floating_point Scalar>
[[nodiscard]] NpyArray<Scalar> read_npy(const std::filesystem::path& path) {
  detail::NpyReader reader(path);
  NpyArray<Scalar> array{reader.shape(), std::vector<Scalar>(static_cast<std::size_t>(reader.count()))};
  reader.read(array.values.data());
  return array;
}

/// Writes an array as .npy version 1, atomically; float becomes <f4, double <f8.
/// Throws DimensionMismatch when the values do not fill the shape, InvalidArgument for a negative length or more than
/// 64 dimensions, NumericalError for a value that is not finite, FileError when the file cannot be written.
template <std::floating_point Scalar>
void write_npy(const std::filesystem::path& path, const NpyArray<Scalar>& array) {
  detail::require(array.shape.size() <= detail::npy_maximum_dimensions, "write_npy: ", array.shape.size(),
                  " dimensions; expected at most ", detail::npy_maximum_dimensions);
  for (const Index length : array.shape)
    detail::require(length >= 0, "write_npy: shape ", detail::npy_shape_text(array.shape), " has a negative length");
  const std::optional<Index> count = detail::npy_count(array.shape);
  detail::require<DimensionMismatch>(count && static_cast<std::size_t>(*count) == array.values.size(),
                                     "write_npy: shape ", detail::npy_shape_text(array.shape), " does not have the ",
                                     array.values.size(), " elements that there are values");
  detail::write_npy_values(path, array.shape, std::span<const Scalar>(array.values));
}

/// Reads samples as a batch (d, n): a file of shape (n, d), (n, h, w) or (n, h, w, c); d is the product of all lengths
/// but the first. A C-order file is the batch's own memory, so an image lands in the order of `ImageShape`.
/// Throws FileError like read_npy, and for any other number of dimensions or an empty array.
template <std::floating_point Scalar>
[[nodiscard]] Batch<Scalar> read_npy_batch(const std::filesystem::path& path) {
  detail::NpyReader reader(path);
  const auto& shape = reader.shape();
  if (shape.size() < 2 || shape.size() > 4 || reader.count() == 0)
    throw FileError(reader.path(), detail::concat("npy shape: is ", detail::npy_shape_text(shape),
                                                  "; expected samples (n, d), (n, h, w) or (n, h, w, c), none empty"));
  detail::require_memory<Scalar>(reader.count() / shape[0], shape[0], "the samples of ", reader.path());
  Batch<Scalar> batch(reader.count() / shape[0], shape[0]);
  reader.read(batch.data());
  return batch;
}

/// Reads images from a file of shape (n, h, w) or (n, h, w, c). Bytes (|u1) are mapped to [-1, 1] by v / 127.5 - 1,
/// floating-point values are taken as they are. The data set is named after the file.
/// Throws FileError like read_npy, and for another number of dimensions, an empty array or integers other than bytes.
template <std::floating_point Scalar>
[[nodiscard]] Dataset<Scalar> load_npy_images(const std::filesystem::path& path) {
  detail::NpyReader reader(path);
  const auto& shape = reader.shape();
  if ((shape.size() != 3 && shape.size() != 4) || reader.count() == 0)
    throw FileError(reader.path(), detail::concat("npy shape: is ", detail::npy_shape_text(shape),
                                                  "; expected images (n, h, w) or (n, h, w, c), none empty"));
  if (reader.type() == detail::NpyType::int32 || reader.type() == detail::NpyType::int64)
    throw FileError(reader.path(), "npy descr: images of wide integers have no known range; expected |u1, <f4 or <f8");
  const ImageShape image{shape[1], shape[2], shape.size() == 4 ? shape[3] : 1};
  detail::require_memory<Scalar>(image.size(), shape[0], "the images of ", reader.path());
  Batch<Scalar> samples(image.size(), shape[0]);
  reader.read(samples.data());
  if (reader.type() == detail::NpyType::uint8) samples = samples.array() / Scalar(127.5) - Scalar(1);
  return Dataset<Scalar>(std::move(samples), image, path.stem().string());
}

/// Writes a batch (d, n) as an array of shape (n, d). Throws like write_npy.
template <std::floating_point Scalar>
void write_npy_batch(const std::filesystem::path& path, const Batch<Scalar>& batch) {
  detail::write_npy_values(path, {batch.cols(), batch.rows()},
                           std::span<const Scalar>(batch.data(), static_cast<std::size_t>(batch.size())));
}

/// Writes a batch (shape.size(), n) of images as an array of shape (n, h, w, c).
/// Throws DimensionMismatch when the batch does not hold images of that shape, and like write_npy.
template <std::floating_point Scalar>
void write_npy_images(const std::filesystem::path& path, const Batch<Scalar>& batch, const ImageShape& shape) {
  detail::require<DimensionMismatch>(batch.rows() == shape.size(), "write_npy_images: samples are ",
                                     detail::shape_text(batch), " but an image of ", detail::shape_text(shape), " has ",
                                     shape.size(), " values");
  detail::write_npy_values(path, {batch.cols(), shape.height, shape.width, shape.channels},
                           std::span<const Scalar>(batch.data(), static_cast<std::size_t>(batch.size())));
}

/// The same for a data set, with its own shape.
template <std::floating_point Scalar>
void write_npy_images(const std::filesystem::path& path, const Dataset<Scalar>& images) {
  write_npy_images(path, images.samples(), images.shape());
}

}  // namespace diffarch
