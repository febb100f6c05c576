#pragma once

#include "diffarch/core/image_shape.hpp"
#include "diffarch/cuda/algebra/blas.hpp"
#include "diffarch/cuda/runtime/buffer.hpp"
#include "diffarch/cuda/runtime/lanes.hpp"

namespace diffarch::cuda {

namespace detail {

/// Weights (in, out, 2, 2) as a matrix (in, 4 out), columns in the order (a, b, o): element (i, column).
template <class Scalar>
struct PackTransposedKernel {
  const Scalar* weights;
  Scalar* packed;
  Index in, out;
  constexpr void operator()(Index i, Index column) const {
    const auto [ab, o] = divide(column, out);
    packed[column * in + i] = weights[(i * out + o) * 4 + ab];
  }
};

template <class Scalar>
struct UnpackTransposedKernel {
  const Scalar* packed;
  Scalar* weights;
  Index in, out;
  constexpr void operator()(Index i, Index column) const {
    const auto [ab, o] = divide(column, out);
    weights[(i * out + o) * 4 + ab] = packed[column * in + i];
  }
};

/// Which number of the images of twice the height and width is element (a, b, o) of a pixel's quad; `width` is that of
/// the smaller images, and `pixel` counts through all of them.
[[nodiscard]] constexpr Index quad_index(Index row, Index pixel, Index width, Index out) {
  const auto [ab, o] = divide(row, out);
  const auto [line, column] = divide(pixel, width);
  return ((2 * line + ab / 2) * 2 * width + 2 * column + ab % 2) * out + o;
}

/// From quads (4 out, pixels) to images. A Value is a number or Lanes of them; `out` counts Values.
template <class Value>
struct QuadsToImages {
  const Value* quads;
  Value* images;
  Index width, out;
  constexpr void operator()(Index row, Index pixel) const {
    images[quad_index(row, pixel, width, out)] = quads[pixel * 4 * out + row];
  }
};

template <class Value>
struct ImagesToQuads {
  const Value* images;
  Value* quads;
  Index width, out;
  constexpr void operator()(Index row, Index pixel) const {
    quads[pixel * 4 * out + row] = images[quad_index(row, pixel, width, out)];
  }
};

}  // namespace detail

/// `TransposedConvolution<Scalar>` of CudaKernels: each pixel becomes a quad of pixels by one product.
template <class Scalar, Factors factors = Factors::f32>
class ProductTransposedConvolution {
 public:
  void plan(ImageShape input, Index out_channels, Index samples) {
    in_ = input.channels;
    out_ = out_channels;
    width_ = input.width;
    pixels_ = samples * input.height * input.width;
    kernel_size_ = DeviceBuffer<Scalar>::aligned(4 * in_ * out_);
  }

  [[nodiscard]] Index workspace_size() const {
    return 2 * kernel_size_ + DeviceBuffer<Scalar>::aligned(4 * out_ * pixels_);
  }

  void forward(const Scalar* x, const Scalar* weights, Scalar* y, Scalar* workspace) const {
    for_each(in_, 4 * out_, packing(weights, workspace));
    Scalar* const quads = workspace + 2 * kernel_size_;
    gemm<Scalar, factors>(true, false, 4 * out_, pixels_, in_, Scalar(1), workspace, in_, x, in_, Scalar(0), quads,
                          4 * out_);
    move<detail::QuadsToImages>(quads, y);
  }

  void backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient, Scalar* dx,
                Scalar* workspace) const {
    Scalar* const gradient = workspace + kernel_size_;
    Scalar* const quads = workspace + 2 * kernel_size_;
    move<detail::ImagesToQuads>(dy, quads);
    gemm<Scalar, factors>(false, true, in_, 4 * out_, pixels_, Scalar(1), x, in_, quads, 4 * out_, Scalar(0), gradient,
                          in_);
    const detail::UnpackTransposedKernel<Scalar> unpack{gradient, weights_gradient, in_, out_};
    if (dx == nullptr) return for_each(in_, 4 * out_, unpack);
    for_each(in_, 4 * out_, Both{unpack, packing(weights, workspace)});
    gemm<Scalar, factors>(false, false, in_, pixels_, 4 * out_, Scalar(1), workspace, in_, quads, 4 * out_, Scalar(0),
                          dx, in_);
  }

 private:
  [[nodiscard]] detail::PackTransposedKernel<Scalar> packing(const Scalar* weights, Scalar* packed) const {
    return {weights, packed, in_, out_};
  }

  /// Between quads and images.
  template <template <class Value> class Functor>
  void move(const Scalar* from, Scalar* to) const {
    with_lanes(
        [&]<int lanes>(std::integral_constant<int, lanes>) {
          for_each(4 * out_ / lanes, pixels_,
                   Functor<Lanes<Scalar, lanes>>{as_lanes<lanes>(from), as_lanes<lanes>(to), width_, out_ / lanes});
        },
        out_);
  }

  Index in_ = 0;
  Index out_ = 0;
  Index width_ = 1;
  Index pixels_ = 0;
  Index kernel_size_ = 0;
};

}  // namespace diffarch::cuda
