#pragma once

#include <utility>

#include "diffarch/cuda/runtime/device_array.hpp"

namespace diffarch::cuda {

/// Columns that products take at a time. A library chooses its kernel by the sizes of the operands: with one width for
/// all of them, a column's product does not depend on the batch it is in.
inline constexpr Index panel_columns = 128;

/// Calls body(from, to) with the device addresses of the columns of `b` and of `result`, panel_columns at a time; the
/// last columns are filled up with zeros. Both have the same number of columns.
template <class Scalar, class Body>
void for_each_panel(const DeviceArray<Scalar>& b, DeviceArray<Scalar>& result, const Body& body) {
  const Index whole = b.cols() / panel_columns * panel_columns;
  for (Index column = 0; column < whole; column += panel_columns) body(b.column(column), result.column(column));
  if (whole == b.cols()) return;
  DeviceArray<Scalar> padded(b.rows(), panel_columns);
  padded.set_zero();
  padded.copy_from(b.column(whole), (b.cols() - whole) * b.rows());
  DeviceArray<Scalar> padded_result(result.rows(), panel_columns);
  body(std::as_const(padded).data(), padded_result.data());
  DeviceArray<Scalar>::copy_values(result.column(whole), std::as_const(padded_result).data(),
                                   (b.cols() - whole) * result.rows());
}

}  // namespace diffarch::cuda
