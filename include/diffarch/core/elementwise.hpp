#pragma once

#include <cstddef>

#include "diffarch/core/finite_math.hpp"

/// The element-by-element arithmetic of samplers and models, as functors for `Backend::for_each(rows, columns, f)`:
/// raw pointers, column-major arrays of `rows` rows, no dependency, so that a device compiler can take this file alone.
/// Each sum has one product, so fused multiply-add contraction is the same in vector and scalar code (see Backend).
namespace diffarch::elementwise {

using Index = std::ptrdiff_t;  ///< diffarch::Index, without its header

/// y = scale * x; x and y may be the same array.
template <class Scalar>
struct Scale {
  Scalar* y;
  const Scalar* x;
  Scalar scale;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * rows + row;
    y[i] = scale * x[i];
  }
};

/// y += scale * x.
template <class Scalar>
struct AddScaled {
  Scalar* y;
  const Scalar* x;
  Scalar scale;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * rows + row;
    y[i] += scale * x[i];
  }
};

/// y = ratio * (y + pull * x).
template <class Scalar>
struct Combine {
  Scalar* y;
  const Scalar* x;
  Scalar ratio;
  Scalar pull;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * rows + row;
    y[i] = ratio * (y[i] + pull * x[i]);
  }
};

/// y += scale * v for every column of y; v has `rows` elements.
template <class Scalar>
struct AddScaledVector {
  Scalar* y;
  const Scalar* v;
  Scalar scale;
  Index rows;
  constexpr void operator()(Index row, Index column) const { y[column * rows + row] += scale * v[row]; }
};

/// y = scale * x + v for every column; y and x may be the same array.
template <class Scalar>
struct ScaleAddVector {
  Scalar* y;
  const Scalar* x;
  const Scalar* v;
  Scalar scale;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * rows + row;
    y[i] = scale * x[i] + v[row];
  }
};

/// y = x / divisor; x and y may be the same array.
template <class Scalar>
struct Divide {
  Scalar* y;
  const Scalar* x;
  Scalar divisor;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * rows + row;
    y[i] = x[i] / divisor;
  }
};

/// to = from in another precision.
template <class To, class From>
struct Convert {
  To* to;
  const From* from;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * rows + row;
    to[i] = static_cast<To>(from[i]);
  }
};

/// to = from diag(v), rounded to another precision once; v has an element for every column.
template <class To, class From>
struct ConvertScaledColumns {
  To* to;
  const From* from;
  const From* v;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * rows + row;
    to[i] = static_cast<To>(from[i] * v[column]);
  }
};

/// Moves every element of y into [-limit, limit]; NaN stays NaN.
template <class Scalar>
struct Clip {
  Scalar* y;
  Scalar limit;
  Index rows;
  constexpr void operator()(Index row, Index column) const {
    const Index i = column * rows + row;
    if (y[i] > limit) y[i] = limit;
    if (y[i] < -limit) y[i] = -limit;
  }
};

/// y = diag(v) y.
template <class Scalar>
struct ScaleRows {
  Scalar* y;
  const Scalar* v;
  Index rows;
  constexpr void operator()(Index row, Index column) const { y[column * rows + row] *= v[row]; }
};

}  // namespace diffarch::elementwise
