#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffarch/core/dataset.hpp"
#include "diffarch/core/samples.hpp"
#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/npy_header.hpp"
#include "diffarch/io/npy_images.hpp"
#include "diffarch/io/npy_reader.hpp"

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

/// Reads an array of f2, f4, f8, signed or unsigned integers of 1, 2, 4 or 8 bytes, or booleans, of either byte order,
/// in C or Fortran order, and converts its elements to Scalar (float or double), rounding where Scalar is narrower.
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
  return detail::read_npy_samples<Scalar>(reader);
}

/// Reads samples of a known shape as a batch (shape.size(), n): the axes of the file have to be (n, h, w, c) of this
/// shape, channels last; (n, h, w) will do for one channel, (n, d) for points, of shape 1 x 1 x d or 1 x d x 1.
/// Throws FileError like read_npy, DimensionMismatch, with both shapes, for other axes, even if their product is right.
template <std::floating_point Scalar>
[[nodiscard]] Batch<Scalar> read_npy_batch(const std::filesystem::path& path, const ImageShape& shape) {
  detail::NpyReader reader(path);
  detail::require_axes(reader.path(), reader.shape(), shape);
  return detail::read_npy_samples<Scalar>(reader);
}

/// Reads images from a file of shape (n, h, w) or (n, h, w, c), or (n, c, h, w) when the options say so. Bytes, 16-bit
/// numbers and booleans are mapped from the range of their type to [-1, 1]; floating-point values are taken as they
/// are, unless the options give their range, and are not looked at unless the options ask for a check. The data set is
/// named after the file. Throws FileError like read_npy, and for another number of dimensions, an empty array or
/// numbers far outside of the range given; OptionNeeded, which is one, for an array that looks like another layout when
/// none is stated, and for other integers without a range; InvalidArgument for options out of range.
template <std::floating_point Scalar>
[[nodiscard]] Dataset<Scalar> load_npy_images(const std::filesystem::path& path, const NpyImageOptions& options = {}) {
  detail::NpyReader reader(path);
  return detail::read_npy_images<Scalar>(reader, options, path.stem().string());
}

/// Writes a batch (d, n) as an array of shape (n, d). Throws like write_npy.
template <std::floating_point Scalar>
void write_npy_batch(const std::filesystem::path& path, const Batch<Scalar>& batch) {
  detail::write_npy_values(path, {batch.cols(), batch.rows()},
                           std::span<const Scalar>(batch.data(), static_cast<std::size_t>(batch.size())));
}

/// Overload for data sets, which are written as plain samples, and for matrix expressions of Eigen.
template <Samples X>
void write_npy_batch(const std::filesystem::path& path, const X& samples) {
  write_npy_batch<typename X::Scalar>(path, as_batch(samples));
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

/// Overload for matrix expressions of Eigen.
template <Samples X>
void write_npy_images(const std::filesystem::path& path, const X& samples, const ImageShape& shape) {
  write_npy_images<typename X::Scalar>(path, as_batch(samples), shape);
}

/// Overload for data sets, which know the shape of their images.
template <std::floating_point Scalar>
void write_npy_images(const std::filesystem::path& path, const Dataset<Scalar>& images) {
  write_npy_images(path, images.samples(), images.shape());
}

}  // namespace diffarch
