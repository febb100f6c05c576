#pragma once

#include <algorithm>
#include <cstdint>

#include "diffarch/core/image_shape.hpp"
#include "diffarch/cuda/algebra/blas.hpp"
#include "diffarch/cuda/runtime/buffer.hpp"
#include "diffarch/cuda/runtime/lanes.hpp"
#include "diffarch/nn/kernels/layer_options.hpp"

namespace diffarch::cuda {

namespace detail {

/// Weights (out, in, 3, 3) as a matrix (9 in, out), its rows in the order (kernel row, kernel column, channel):
/// element (row, o).
template <class Scalar>
struct PackKernel {
  const Scalar* weights;
  Scalar* packed;
  Index in;
  constexpr void operator()(Index row, Index o) const {
    const auto [tap, i] = divide(row, in);
    packed[o * 9 * in + row] = weights[(o * in + i) * 9 + tap];
  }
};

/// Packs the kernel of the transposed map, turned by 180 degrees: (9 out, in), element (row, i).
template <class Scalar>
struct PackTurnedKernel {
  const Scalar* weights;
  Scalar* packed;
  Index in, out;
  constexpr void operator()(Index row, Index i) const {
    const auto [tap, o] = divide(row, out);
    packed[i * 9 * out + row] = weights[(o * in + i) * 9 + 8 - tap];
  }
};

/// weights (out, in, 3, 3) from a matrix (9 in, out): the inverse of PackKernel.
template <class Scalar>
struct UnpackKernel {
  const Scalar* packed;
  Scalar* weights;
  Index in;
  constexpr void operator()(Index row, Index o) const {
    const auto [tap, i] = divide(row, in);
    weights[(o * in + i) * 9 + tap] = packed[o * 9 * in + row];
  }
};

/// The inverse of PackTurnedKernel.
template <class Scalar>
struct UnpackTurnedKernel {
  const Scalar* packed;
  Scalar* weights;
  Index in, out;
  constexpr void operator()(Index row, Index i) const {
    const auto [tap, o] = divide(row, out);
    weights[(o * in + i) * 9 + 8 - tap] = packed[i * 9 * out + row];
  }
};

/// Columns (9 channels, pixels) of the 3x3 neighbourhoods of images (height, width, channels) that lie one after the
/// other: element (row, pixel). A Value is a number or Lanes of them; channels count Values.
template <class Value>
struct Neighbourhoods {
  const Value* images;
  Value* columns;
  ImageShape shape;
  bool circular;
  constexpr void operator()(Index row, Index pixel) const {
    // Both fit: a matrix of 2^31 columns or rows is larger than any device. Divisions of 64 bits cost several times
    // more.
    const auto at = static_cast<std::uint32_t>(pixel);
    const auto line = at / static_cast<std::uint32_t>(shape.width);
    const auto image = static_cast<Index>(line / static_cast<std::uint32_t>(shape.height));
    const auto tap = static_cast<Index>(static_cast<std::uint32_t>(row) / static_cast<std::uint32_t>(shape.channels));
    const Index channel = row - tap * shape.channels;
    Index y = static_cast<Index>(line) - image * shape.height + tap / 3 - 1;
    Index x = pixel - static_cast<Index>(line) * shape.width + tap % 3 - 1;
    Value value{};
    const bool inside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
    if (circular) {
      y += y < 0 ? shape.height : y >= shape.height ? -shape.height : 0;
      x += x < 0 ? shape.width : x >= shape.width ? -shape.width : 0;
    }
    if (inside || circular) value = images[((image * shape.height + y) * shape.width + x) * shape.channels + channel];
    columns[pixel * 9 * shape.channels + row] = value;
  }
};

}  // namespace detail

/// `Convolution<Scalar>` of CudaKernels: the neighbourhoods of some images at a time as columns of a matrix, and one
/// product with the kernel. Working memory beyond the kernel: 9 times the larger of input and output of these images,
/// at most `most_bytes` unless one image needs more.
template <class Scalar>
class ProductConvolution {
 public:
  static constexpr Index default_most_bytes = Index{256} << 20;

  void plan(ImageShape input, Index out_channels, Padding padding, Index samples,
            Index most_bytes = default_most_bytes) {
    shape_ = input;
    out_ = out_channels;
    circular_ = padding == Padding::circular;
    samples_ = samples;
    const Index pixels = input.height * input.width;
    const Index column = 9 * std::max(input.channels, out_channels);
    const Index most_numbers = most_bytes / static_cast<Index>(sizeof(Scalar));
    images_at_once_ = std::clamp<Index>(most_numbers / (column * pixels), 1, samples);
    kernel_size_ = DeviceBuffer<Scalar>::aligned(9 * input.channels * out_channels);
    columns_size_ = DeviceBuffer<Scalar>::aligned(column * pixels * images_at_once_);
  }

  [[nodiscard]] Index workspace_size() const { return kernel_size_ + columns_size_; }

  void forward(const Scalar* x, const Scalar* weights, Scalar* y, Scalar* workspace) const {
    for_each(9 * shape_.channels, out_, detail::PackKernel<Scalar>{weights, workspace, shape_.channels});
    correlate(x, shape_.channels, out_, y, workspace);
  }

  void backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient, Scalar* dx,
                Scalar* workspace) const {
    backward_weights(x, dy, weights_gradient, workspace);
    if (dx == nullptr) return;
    for_each(9 * out_, shape_.channels, detail::PackTurnedKernel<Scalar>{weights, workspace, shape_.channels, out_});
    correlate(dy, out_, shape_.channels, dx, workspace);
  }

  /// The gradient of the weights alone: neighbourhoods of x times dy, or, for fewer channels, those of dy times x.
  void backward_weights(const Scalar* x, const Scalar* dy, Scalar* weights_gradient, Scalar* workspace) const {
    const Index in = shape_.channels;
    if (in <= out_) {
      correlate_images(x, in, dy, out_, workspace);
      for_each(9 * in, out_, detail::UnpackKernel<Scalar>{workspace, weights_gradient, in});
    } else {
      correlate_images(dy, out_, x, in, workspace);
      for_each(9 * out_, in, detail::UnpackTurnedKernel<Scalar>{workspace, weights_gradient, in, out_});
    }
  }

 private:
  [[nodiscard]] Index image_pixels() const { return shape_.height * shape_.width; }

  /// body(first image, pixels, 0 for the first chunk, else 1).
  template <class Body>
  void for_each_chunk(const Body& body) const {
    for (Index image = 0; image < samples_; image += images_at_once_)
      body(image, std::min(images_at_once_, samples_ - image) * image_pixels(), Scalar(image == 0 ? 0 : 1));
  }

  /// (9 channels, pixels), behind the kernel in the workspace.
  [[nodiscard]] const Scalar* neighbourhoods(const Scalar* images, Index channels, Index image, Index pixels,
                                             Scalar* workspace) const {
    Scalar* const columns = workspace + kernel_size_;
    const Scalar* const first = images + image * image_pixels() * channels;
    with_lanes(
        [&]<int lanes>(std::integral_constant<int, lanes>) {
          const ImageShape shape{shape_.height, shape_.width, channels / lanes};
          for_each(9 * channels / lanes, pixels,
                   detail::Neighbourhoods<Lanes<Scalar, lanes>>{as_lanes<lanes>(first), as_lanes<lanes>(columns), shape,
                                                                circular_});
        },
        channels);
    return columns;
  }

  /// The kernel is (9 in, out), at the start of the workspace.
  void correlate(const Scalar* x, Index in, Index out, Scalar* y, Scalar* workspace) const {
    for_each_chunk([&](Index image, Index pixels, Scalar /*beta*/) {
      const Scalar* const columns = neighbourhoods(x, in, image, pixels, workspace);
      gemm<Scalar>(true, false, out, pixels, 9 * in, Scalar(1), workspace, 9 * in, columns, 9 * in, Scalar(0),
                   y + image * image_pixels() * out, out);
    });
  }

  /// Sums over the pixels of the neighbourhoods of images `a` times images `b`: (9 channels of a, channels of b), at
  /// the start of the workspace.
  void correlate_images(const Scalar* a, Index a_channels, const Scalar* b, Index b_channels, Scalar* workspace) const {
    const Index rows = 9 * a_channels;
    for_each_chunk([&](Index image, Index pixels, Scalar beta) {
      const Scalar* const columns = neighbourhoods(a, a_channels, image, pixels, workspace);
      gemm<Scalar>(false, true, rows, b_channels, pixels, Scalar(1), columns, rows,
                   b + image * image_pixels() * b_channels, b_channels, beta, workspace, rows);
    });
  }

  ImageShape shape_;
  Index out_ = 0;
  bool circular_ = false;
  Index samples_ = 0;
  Index images_at_once_ = 1;
  Index kernel_size_ = 0;
  Index columns_size_ = 0;
};

}  // namespace diffarch::cuda
