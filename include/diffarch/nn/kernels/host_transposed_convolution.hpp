#pragma once

#include <algorithm>

#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/kernels/buffer.hpp"

namespace diffarch::nn::detail {

/// The arithmetic of `TransposedConvolution` on the host, by `Products::product` of a family of host kernels.
template <class Scalar, class Products>
class HostTransposedConvolution {
 public:
  void plan(ImageShape input, Index out_channels, Index samples) {
    in_ = input.channels;
    out_ = out_channels;
    width_ = input.width;
    image_rows_ = samples * input.height;
    constexpr Index pixels_per_block = 512;
    rows_ = std::clamp<Index>(pixels_per_block / width_, 1, image_rows_);
    slots_ = std::min<Index>(thread_count(), (image_rows_ + rows_ - 1) / rows_);
    weight_size_ = Buffer<Scalar>::aligned(4 * in_ * out_);
    block_size_ = Buffer<Scalar>::aligned(rows_ * width_ * 4 * out_);
  }
  [[nodiscard]] Index workspace_size() const { return weight_size_ + slots_ * (block_size_ + weight_size_); }

  /// y = x * weights; weights are (in, out, 2, 2).
  void forward(const Scalar* x, const Scalar* weights, Scalar* y, Scalar* workspace) const {
    pack(weights, workspace);
    const diffarch::detail::SerialEigen serial;
    parallel_for(slots_, work(), [&](Index slot) {
      Scalar* const block = workspace + weight_size_ + slot * (block_size_ + weight_size_);
      for_each_block(slot, [&](Index row, Index rows) {
        Products::product(true, false, 4 * out_, rows * width_, in_, static_cast<const Scalar*>(workspace), in_,
                          x + row * width_ * in_, in_, false, block, 4 * out_);
        for_each_half(row, rows, [&](Index line, Index pixel) {
          std::copy_n(block + line * 2 * out_, 2 * out_, y + pixel * out_);
        });
      });
    });
  }

  /// Gradient of the weights, (in, out, 2, 2), and of x unless dx is null.
  void backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient, Scalar* dx,
                Scalar* workspace) const {
    if (dx != nullptr) pack(weights, workspace);
    const diffarch::detail::SerialEigen serial;
    parallel_for(slots_, 2 * work(), [&](Index slot) {
      Scalar* const block = workspace + weight_size_ + slot * (block_size_ + weight_size_);
      Scalar* const sum = block + block_size_;
      bool first = true;
      for_each_block(slot, [&](Index row, Index rows) {
        for_each_half(row, rows, [&](Index line, Index pixel) {
          std::copy_n(dy + pixel * out_, 2 * out_, block + line * 2 * out_);
        });
        const Scalar* const gradient = block;
        Products::product(false, true, in_, 4 * out_, rows * width_, x + row * width_ * in_, in_, gradient, 4 * out_,
                          !first, sum, in_);
        first = false;
        if (dx != nullptr)
          Products::product(false, false, in_, rows * width_, 4 * out_, static_cast<const Scalar*>(workspace), in_,
                            gradient, 4 * out_, false, dx + row * width_ * in_, in_);
      });
    });
    const Scalar* const sums = workspace + weight_size_ + block_size_;
    for (Index i = 0; i < in_; ++i)
      for (Index o = 0; o < out_; ++o)
        for (Index ab = 0; ab < 4; ++ab) {
          const Index k = (ab * out_ + o) * in_ + i;
          Scalar sum = sums[k];
          for (Index slot = 1; slot < slots_; ++slot) sum += sums[slot * (block_size_ + weight_size_) + k];
          weights_gradient[(i * out_ + o) * 4 + ab] = sum;
        }
  }

 private:
  [[nodiscard]] Index work() const { return image_rows_ * width_ * in_ * 4 * out_ / slots_; }

  /// (in, 4 out), columns in the order (a, b, o): a pixel's product is then two runs of the output.
  void pack(const Scalar* weights, Scalar* packed) const {
    for (Index i = 0; i < in_; ++i)
      for (Index o = 0; o < out_; ++o)
        for (Index ab = 0; ab < 4; ++ab) packed[(ab * out_ + o) * in_ + i] = weights[(i * out_ + o) * 4 + ab];
  }

  /// Blocks of image rows dealt out in a fixed way, as in `EigenConvolution`.
  template <class Body>
  void for_each_block(Index slot, const Body& body) const {
    const Index blocks = (image_rows_ + rows_ - 1) / rows_;
    for (Index block = blocks * slot / slots_; block < blocks * (slot + 1) / slots_; ++block)
      body(block * rows_, std::min(rows_, image_rows_ - block * rows_));
  }

  /// body(2 * position of the pixel in the block + a, first output pixel of its pair in output row 2r + a).
  template <class Body>
  void for_each_half(Index row, Index rows, const Body& body) const {
    for (Index r = 0; r < rows; ++r)
      for (Index a = 0; a < 2; ++a)
        for (Index c = 0; c < width_; ++c) body((r * width_ + c) * 2 + a, (2 * (row + r) + a) * 2 * width_ + 2 * c);
  }

  Index in_ = 1;
  Index out_ = 1;
  Index width_ = 1;
  Index image_rows_ = 0;
  Index rows_ = 1;
  Index slots_ = 1;
  Index weight_size_ = 0;
  Index block_size_ = 0;
};

}  // namespace diffarch::nn::detail
