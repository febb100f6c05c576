#pragma once

#include <Eigen/Core>
#include <string>

#include "diffarch/core/error.hpp"

// Eigen's own Matrix, with any number of rows and columns where none is given. It is one name in both namespaces, so
// that a program may write `using namespace Eigen` beside `using namespace diffarch`.
//! @cond
namespace Eigen {
template <typename Scalar_, int Rows_ = Dynamic, int Cols_ = Dynamic, int Options_, int MaxRows_, int MaxCols_>
class Matrix;
}  // namespace Eigen
//! @endcond

namespace diffarch {

using Index = Eigen::Index;  ///< of rows, columns, samples and steps: signed, 64 bits

using Eigen::Matrix;  ///< `Matrix<double>`: column-major and of any size, the only matrix type in the public interface

/// A column.
template <class Scalar>
using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

/// A batch of n samples of dimension d: shape (d, n), **one sample per column**. A batch of images is therefore one
/// contiguous NHWC block: see `ImageShape`.
template <class Scalar>
using Batch = Matrix<Scalar>;

namespace detail {

template <class T, class... Parameters>
struct DependentType {
  using type = T;
};
/// T, by a name that depends on the parameters of a template. A template whose expressions are of dependent types
/// instantiates Eigen where it is used; one that names `Matrix<double>` does so in every program that includes it.
template <class T, class... Parameters>
using Dependent = typename DependentType<T, Parameters...>::type;

template <class A>
[[nodiscard]] std::string shape_text(const A& array) {
  return concat("(", array.rows(), ", ", array.cols(), ")");
}

/// Throws DimensionMismatch unless samples y, which a model is asked to denoise, have its dimension.
template <class Array>
void require_dimension(const Array& y, Index dimension) {
  require<DimensionMismatch>(y.rows() == dimension, "denoise: y is ", shape_text(y), " but the model has dimension ",
                             dimension);
}

#ifdef DIFFARCH_COMPILED
/// Defined by diffarch::compiled for the alignment of its own arrays: a program that has another is not linked.
template <int alignment>
bool compiled_for();
inline const bool is_compiled_for_these_instructions = compiled_for<EIGEN_MAX_ALIGN_BYTES>();
#endif

}  // namespace detail
}  // namespace diffarch
