#pragma once

// The convolutions written out as sums, to compare kernels with.

#include "diffarch/nn/layers/layer.hpp"
#include "support.hpp"

namespace diffarch::test {

/// y(r, c, o) = sum W(o, i, k, l) x(r + k - 1, c + l - 1, i).
template <class Scalar>
[[nodiscard]] Batch<double> naive_convolution(const Batch<Scalar>& x, ImageShape shape, std::span<const Scalar> weights,
                                              Index out, Padding padding) {
  const ImageShape result{shape.height, shape.width, out};
  Batch<double> y = Batch<double>::Zero(result.size(), x.cols());
  for (Index n = 0; n < x.cols(); ++n)
    for (Index r = 0; r < shape.height; ++r)
      for (Index c = 0; c < shape.width; ++c)
        for (Index k = 0; k < 3; ++k)
          for (Index l = 0; l < 3; ++l) {
            Index row = r + k - 1;
            Index column = c + l - 1;
            if (padding == Padding::circular) {
              row = (row + shape.height) % shape.height;
              column = (column + shape.width) % shape.width;
            }
            if (row < 0 || row >= shape.height || column < 0 || column >= shape.width) continue;
            for (Index o = 0; o < out; ++o)
              for (Index i = 0; i < shape.channels; ++i)
                y(result.index(r, c, o), n) +=
                    static_cast<double>(weights[static_cast<std::size_t>(((o * shape.channels + i) * 3 + k) * 3 + l)]) *
                    static_cast<double>(x(shape.index(row, column, i), n));
          }
  return y;
}

}  // namespace diffarch::test
