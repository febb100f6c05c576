#pragma once

#include <Eigen/Core>
#include <string>

#include "diffarch/core/error.hpp"

namespace diffarch {

using Index = Eigen::Index;  ///< of rows, columns, samples and steps: signed, 64 bits

/// Column-major dense matrix, the only matrix type in the public interface (never an expression template).
template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// A column.
template <class Scalar>
using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

/// A batch of n samples of dimension d: shape (d, n), **one sample per column**. A batch of images is therefore one
/// contiguous NHWC block: see `ImageShape`.
template <class Scalar>
using Batch = Matrix<Scalar>;

namespace detail {

template <class A>
[[nodiscard]] std::string shape_text(const A& array) {
  return concat("(", array.rows(), ", ", array.cols(), ")");
}

#ifdef DIFFARCH_COMPILED
/// Defined by diffarch::compiled for the alignment of its own arrays: a program that has another is not linked.
template <int alignment>
bool compiled_for();
inline const bool is_compiled_for_these_instructions = compiled_for<EIGEN_MAX_ALIGN_BYTES>();
#endif

}  // namespace detail
}  // namespace diffarch
