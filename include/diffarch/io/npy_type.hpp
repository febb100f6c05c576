#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "diffarch/core/error.hpp"
#include "diffarch/core/image_options.hpp"
#include "diffarch/io/little_endian.hpp"
#include "diffarch/io/npy_header.hpp"

// The element types of .npy files. Source: the documentation of numpy.dtype.str.

namespace diffarch::detail {

/// A number type of NumPy: `kind` is f (floating point), i (signed), u (unsigned) or b (boolean).
struct NpyType {
  char kind = 'f';
  std::size_t size = 4;  ///< bytes
  bool big_endian = false;

  [[nodiscard]] bool is_floating_point() const noexcept { return kind == 'f'; }
};

/// The type that a header calls `descr`, such as "<f4". Throws FileError for types that are no plain numbers.
[[nodiscard]] inline NpyType npy_type(const std::string& path, const std::string& descr) {
  const bool has_order = !descr.empty() && std::string_view("<>|").find(descr.front()) != std::string_view::npos;
  const std::string name = has_order ? descr.substr(1) : "";
  for (const std::string_view known : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
    if (name == known) return {name[0], static_cast<std::size_t>(name[1] - '0'), descr.front() == '>'};
  throw FileError(path, concat("npy descr: dtype '", descr, "'",
                               name.starts_with('O') ? " holds Python objects" : " is not supported", "; expected ",
                               npy_types_text));
}

/// The range of images of this type: of bytes, 16-bit numbers and booleans. None for others.
[[nodiscard]] inline ValueRange npy_natural_range(const NpyType& type) {
  if (type.kind == 'b') return {0.0, 1.0};
  if (type.kind == 'u' && type.size == 1) return {0.0, 255.0};
  if (type.kind == 'u' && type.size == 2) return {0.0, 65535.0};
  return {};
}

/// A half of a file, as a number.
struct Half {
  std::uint16_t bits;
  template <std::floating_point Scalar>
  explicit operator Scalar() const {
    return static_cast<Scalar>(float_of_half(bits));
  }
};

template <class Stored, class Scalar>
void convert_npy_numbers(const unsigned char* bytes, std::size_t count, Scalar* values) {
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<Scalar>(from_little_endian<Stored>(bytes + i * sizeof(Stored)));
}

/// Converts `count` numbers of a file to Scalar. Turns the bytes of big-endian ones round in place.
template <class Scalar>
void convert_npy_block(unsigned char* bytes, std::size_t count, const NpyType& type, Scalar* values) {
  if (type.big_endian && type.size > 1)
    for (std::size_t i = 0; i < count; ++i) std::reverse(bytes + i * type.size, bytes + (i + 1) * type.size);
  const auto convert = [&]<class Stored>(Stored) { convert_npy_numbers<Stored>(bytes, count, values); };
  switch (type.kind) {
    case 'f':
      return type.size == 2 ? convert(Half{}) : type.size == 4 ? convert(float{}) : convert(double{});
    case 'i':
      return type.size == 1   ? convert(std::int8_t{})
             : type.size == 2 ? convert(std::int16_t{})
             : type.size == 4 ? convert(std::int32_t{})
                              : convert(std::int64_t{});
    case 'u':
      return type.size == 1   ? convert(std::uint8_t{})
             : type.size == 2 ? convert(std::uint16_t{})
             : type.size == 4 ? convert(std::uint32_t{})
                              : convert(std::uint64_t{});
    default:
      for (std::size_t i = 0; i < count; ++i) values[i] = bytes[i] != 0 ? Scalar(1) : Scalar(0);
  }
}

}  // namespace diffarch::detail
