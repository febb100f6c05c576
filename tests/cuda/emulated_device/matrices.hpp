#pragma once

// What the libraries of the emulated device share: operands in device memory as Eigen matrices.

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "device.hpp"

namespace emulated_device {

template <class Scalar>
using Strided = Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>, 0, Eigen::OuterStride<>>;
template <class Scalar>
using ConstStrided = Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>, 0, Eigen::OuterStride<>>;

/// Values from the first to the last of a (rows, columns) matrix with a leading dimension.
[[nodiscard]] inline std::size_t span_of(int rows, int columns, int ld) {
  return rows == 0 || columns == 0
             ? 0
             : static_cast<std::size_t>(columns - 1) * static_cast<std::size_t>(ld) + static_cast<std::size_t>(rows);
}

template <class Scalar>
void require_matrix(const Scalar* a, int rows, int columns, int ld, const char* what) {
  require_device(a, span_of(rows, columns, ld) * sizeof(Scalar), what);
}

/// The same in the order of a stream, for addresses that only the device knows.
template <class Scalar>
void require_matrix_in_stream(const Scalar* a, int rows, int columns, int ld, const char* what) {
  require_device_in_stream(a, span_of(rows, columns, ld) * sizeof(Scalar), what);
}

/// A factor as the device multiplies it in TF32, which drops 13 bits of the mantissa of f32 numbers.
template <class Scalar>
[[nodiscard]] Scalar tf32(Scalar value) {
  if constexpr (std::is_same_v<Scalar, float>)
    return std::bit_cast<float>((std::bit_cast<std::uint32_t>(value) + 0x1000U) & ~std::uint32_t{0x1FFF});
  else
    return value;
}

[[nodiscard]] inline bool valid_leading_dimension(int rows, int ld) { return ld >= std::max(1, rows); }

}  // namespace emulated_device
