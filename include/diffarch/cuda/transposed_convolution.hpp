#pragma once

#include "diffarch/core/image_shape.hpp"
#include "diffarch/cuda/blas.hpp"
#include "diffarch/cuda/buffer.hpp"

namespace diffarch::cuda {

namespace detail {

/// Weights (in, out, 2, 2) as a matrix (in, 4 out), columns in the order (a, b, o): element (i, column).
template <class Scalar>
struct PackTransposedKernel {
  const Scalar* weights;
  Scalar* packed;
  Index in, out;
  constexpr void operator()(Index i, Index column) const {
    packed[column * in + i] = weights[(i * out + column % out) * 4 + column / out];
  }
};

template <class Scalar>
struct UnpackTransposedKernel {
  const Scalar* packed;
  Scalar* weights;
  Index in, out;
  constexpr void operator()(Index i, Index column) const {
    weights[(i * out + column % out) * 4 + column / out] = packed[column * in + i];
  }
};

/// Which number of the images of twice the height and width is element (a, b, o) of a pixel's quad; `width` is that of
/// the smaller images, and `pixel` counts through all of them.
[[nodiscard]] constexpr Index quad_index(Index row, Index pixel, Index width, Index out) {
  const Index ab = row / out;
  const Index line = 2 * (pixel / width) + ab / 2;
  return (line * 2 * width + 2 * (pixel % width) + ab % 2) * out + row % out;
}

/// From quads (4 out, pixels) to images.
template <class Scalar>
struct QuadsToImages {
  const Scalar* quads;
  Scalar* images;
  Index width, out;
  constexpr void operator()(Index row, Index pixel) const {
    images[quad_index(row, pixel, width, out)] = quads[pixel * 4 * out + row];
  }
};

template <class Scalar>
struct ImagesToQuads {
  const Scalar* images;
  Scalar* quads;
  Index width, out;
  constexpr void operator()(Index row, Index pixel) const {
    quads[pixel * 4 * out + row] = images[quad_index(row, pixel, width, out)];
  }
};

}  // namespace detail

/// `TransposedConvolution<Scalar>` of CudaKernels: each pixel becomes a quad of pixels by one product.
template <class Scalar>
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
    pack(weights, workspace);
    Scalar* const quads = workspace + 2 * kernel_size_;
    gemm<Scalar>(true, false, 4 * out_, pixels_, in_, Scalar(1), workspace, in_, x, in_, Scalar(0), quads, 4 * out_);
    for_each(4 * out_, pixels_, detail::QuadsToImages<Scalar>{quads, y, width_, out_});
  }

  void backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient, Scalar* dx,
                Scalar* workspace) const {
    Scalar* const gradient = workspace + kernel_size_;
    Scalar* const quads = workspace + 2 * kernel_size_;
    for_each(4 * out_, pixels_, detail::ImagesToQuads<Scalar>{dy, quads, width_, out_});
    gemm<Scalar>(false, true, in_, 4 * out_, pixels_, Scalar(1), x, in_, quads, 4 * out_, Scalar(0), gradient, in_);
    for_each(in_, 4 * out_, detail::UnpackTransposedKernel<Scalar>{gradient, weights_gradient, in_, out_});
    if (dx == nullptr) return;
    pack(weights, workspace);
    gemm<Scalar>(false, false, in_, pixels_, 4 * out_, Scalar(1), workspace, in_, quads, 4 * out_, Scalar(0), dx, in_);
  }

 private:
  void pack(const Scalar* weights, Scalar* packed) const {
    for_each(in_, 4 * out_, detail::PackTransposedKernel<Scalar>{weights, packed, in_, out_});
  }

  Index in_ = 0;
  Index out_ = 0;
  Index width_ = 1;
  Index pixels_ = 0;
  Index kernel_size_ = 0;
};

}  // namespace diffarch::cuda
