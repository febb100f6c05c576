#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/error.hpp"
#include "diffarch/io/little_endian.hpp"
#include "diffarch/io/npy_header.hpp"
#include "diffarch/io/npy_type.hpp"

namespace diffarch::detail {

/// An open array in .npy format whose header has been checked against the number of bytes: the data can be read into
/// `count()` values without any further bound.
class NpyReader {
 public:
  explicit NpyReader(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code problem;
    if (!std::filesystem::exists(path, problem)) throw FileError(path_, "does not exist; expected a .npy file");
    if (!std::filesystem::is_regular_file(path, problem)) throw FileError(path_, "is not a file; expected a .npy file");
    file_size_ = std::filesystem::file_size(path, problem);
    file_ = std::make_unique<std::ifstream>(path, std::ios::binary);
    if (problem || !*file_) throw FileError(path_, "cannot be opened for reading");
    read_header();
  }

  /// Reads the `size` bytes of a stream; `name` is what messages call it.
  NpyReader(std::string name, std::unique_ptr<std::istream> stream, std::uintmax_t size)
      : path_(std::move(name)), file_(std::move(stream)), file_size_(size) {
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
    std::vector<unsigned char> bytes(block * type_.size);
    std::vector<Scalar> converted(fortran_order_ ? block : 0);
    FortranOrder fortran(shape_);
    for (Index begin = 0; begin < count_; begin += static_cast<Index>(block)) {
      const auto size = static_cast<std::size_t>(std::min<Index>(static_cast<Index>(block), count_ - begin));
      read_bytes(bytes.data(), size * type_.size, "data");
      convert_npy_block(bytes.data(), size, type_, fortran_order_ ? converted.data() : values + begin);
      if (fortran_order_)
        for (std::size_t i = 0; i < size; ++i) values[fortran.next()] = converted[i];
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

    const std::uintmax_t expected = static_cast<std::uintmax_t>(count_) * type_.size;
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
    file_->read(static_cast<char*>(target), static_cast<std::streamsize>(size));
    const auto got = static_cast<std::size_t>(file_->gcount());
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
  std::unique_ptr<std::istream> file_;
  std::uintmax_t file_size_ = 0;
  std::uintmax_t position_ = 0;
  NpyType type_;
  bool fortran_order_ = false;
  std::vector<Index> shape_;
  Index count_ = 0;
};

}  // namespace diffarch::detail
