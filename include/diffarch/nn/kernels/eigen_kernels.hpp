#pragma once

#include <algorithm>
#include <string>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/kernels/host_fully_connected.hpp"
#include "diffarch/nn/kernels/host_kernels.hpp"
#include "diffarch/nn/kernels/host_transposed_convolution.hpp"
#include "diffarch/nn/kernels/kernel_family.hpp"
#include "diffarch/nn/kernels/layer_options.hpp"

namespace diffarch::nn {

namespace detail {

/// C = op(A) op(B) + (accumulate ? C : 0) in column-major storage on the calling thread; A transposed, or B, or none.
/// op(A) is (m, k), op(B) is (k, n). Columns of A or B may overlap in memory (stride < rows), unless BLAS multiplies.
template <class Scalar>
void eigen_product(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const Scalar* a, Index stride_a,
                   const Scalar* b, Index stride_b, bool accumulate, Scalar* c, Index stride_c) {
  using Stride = Eigen::OuterStride<>;
  using View = Eigen::Map<const Matrix<Scalar>, 0, Stride>;
  const View a_view(a, transpose_a ? k : m, transpose_a ? m : k, Stride(stride_a));
  const View b_view(b, transpose_b ? n : k, transpose_b ? k : n, Stride(stride_b));
  Eigen::Map<Matrix<Scalar>, 0, Stride> c_view(c, m, n, Stride(stride_c));
  if (!accumulate) c_view.setZero();
  if (transpose_a)
    c_view.noalias() += a_view.transpose() * b_view;
  else if (transpose_b)
    c_view.noalias() += a_view * b_view.transpose();
  else
    c_view.noalias() += a_view * b_view;
}

#ifdef DIFFARCH_COMPILED
extern template void eigen_product(bool, bool, Index, Index, Index, const float*, Index, const float*, Index, bool,
                                   float*, Index);
extern template void eigen_product(bool, bool, Index, Index, Index, const double*, Index, const double*, Index, bool,
                                   double*, Index);
#endif

/// Copies rows [first_row, first_row + rows + 2) of the padded image, each (width + 2) pixels, to `padded`. Row 0 of
/// the padded image lies above row 0 of the image x, (height, width, channels).
template <class Scalar>
void pad_rows(const Scalar* x, ImageShape shape, Padding padding, Index first_row, Index rows, Scalar* padded) {
  const Index c = shape.channels;
  const Index line = shape.width * c;
  for (Index r = first_row; r < first_row + rows + 2; ++r, padded += line + 2 * c) {
    Index source = r - 1;
    if (padding == Padding::zeros && (source < 0 || source >= shape.height)) {
      std::fill_n(padded, line + 2 * c, Scalar(0));
      continue;
    }
    source = (source + shape.height) % shape.height;
    const Scalar* from = x + source * line;
    std::copy_n(from, line, padded + c);
    if (padding == Padding::zeros) {
      std::fill_n(padded, c, Scalar(0));
      std::fill_n(padded + c + line, c, Scalar(0));
    } else {
      std::copy_n(from + line - c, c, padded);
      std::copy_n(from, c, padded + c + line);
    }
  }
}

/// The 3x3 convolution of `Convolution` on Eigen's matrix products. Blocks of rows are copied to a padded image; there,
/// the three pixels under one row of the kernel are contiguous, so each row of the kernel is one matrix product whose
/// right factor is the padded image itself with overlapping columns. The products' two columns between rows of the
/// image are thrown away. The transposed map is the same convolution with the kernel turned by 180 degrees. BLAS
/// refuses columns that overlap: for it each row of the kernel is three products.
///
/// Blocks are dealt out in a fixed way to `slots_` workers, as many as there are threads when it is planned: gradients
/// of the weights are summed by each worker over its blocks in order, then over workers in order.
template <class Scalar>
class EigenConvolution {
 public:
  void plan(ImageShape input, Index out_channels, Padding padding, Index samples) {
    shape_ = input;
    out_channels_ = out_channels;
    padding_ = padding;
    samples_ = samples;
    constexpr Index pixels_per_block = 1100;
    rows_ = std::clamp<Index>(pixels_per_block / (input.width + 2), 1, input.height);
    blocks_per_image_ = (input.height + rows_ - 1) / rows_;
    slots_ = std::min<Index>(thread_count(), samples * blocks_per_image_);
    const Index most_channels = std::max(input.channels, out_channels);
    padded_size_ = Buffer<Scalar>::aligned((rows_ + 2) * (input.width + 2) * most_channels);
    product_size_ = Buffer<Scalar>::aligned(rows_ * (input.width + 2) * most_channels);
    weights_size_ = Buffer<Scalar>::aligned(9 * input.channels * out_channels);
  }

  [[nodiscard]] Index workspace_size() const { return weights_size_ + slots_ * worker_size(); }

  /// y = x * weights; weights are (out, in, 3, 3).
  void forward(const Scalar* x, const Scalar* weights, Scalar* y, Scalar* workspace) const {
    const Index in = shape_.channels;
    for_each_weight([&](Index o, Index c, Index r, Index k, Index source) {
      workspace[o * 9 * in + (r * 3 + k) * in + c] = weights[source];
    });
    correlate(x, in, out_channels_, y, workspace);
  }

  /// Gradient of the weights, (out, in, 3, 3), and of x unless dx is null.
  void backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient, Scalar* dx,
                Scalar* workspace) const {
    const Index in = shape_.channels;
    const Index out = out_channels_;
    const Index padded_width = shape_.width + 2;
    const diffarch::detail::SerialEigen serial;
    Scalar* const workers = workspace + weights_size_;
    parallel_for(slots_, samples_ * shape_.size() * out * 9 / slots_, [&](Index slot) {
      Scalar* const padded = workers + slot * worker_size();
      Scalar* const gradient_block = padded + padded_size_;
      Scalar* const sum = gradient_block + product_size_;
      std::fill_n(sum, 9 * in * out, Scalar(0));
      for_each_block(slot, [&](Index sample, Index row, Index rows) {
        pad_rows(x + sample * shape_.size(), shape_, padding_, row, rows, padded);
        const Index line = shape_.width * out;
        const Scalar* from = dy + (sample * shape_.height + row) * line;
        for (Index r = 0; r < rows; ++r) {
          Scalar* to = gradient_block + r * padded_width * out;
          std::copy_n(from + r * line, line, to);
          std::fill_n(to + line, 2 * out, Scalar(0));
        }
        for (Index r = 0; r < 3; ++r)
          for (Index part = 0; part < parts; ++part)
            eigen_product(false, true, 3 / parts * in, out, rows * padded_width - 2,
                          padded + (r * padded_width + part) * in, in, static_cast<const Scalar*>(gradient_block), out,
                          true, sum + (r * 3 + part) * in, 9 * in);
      });
    });
    for_each_weight([&](Index o, Index c, Index r, Index k, Index target) {
      const Index i = o * 9 * in + (r * 3 + k) * in + c;
      Scalar sum = workers[padded_size_ + product_size_ + i];
      for (Index slot = 1; slot < slots_; ++slot)
        sum += workers[slot * worker_size() + padded_size_ + product_size_ + i];
      weights_gradient[target] = sum;
    });
    if (dx == nullptr) return;
    for_each_weight([&](Index o, Index c, Index r, Index k, Index source) {
      workspace[c * 9 * out + ((2 - r) * 3 + 2 - k) * out + o] = weights[source];
    });
    correlate(dy, out, in, dx, workspace);
  }

 private:
  static constexpr Index parts = diffarch::detail::blas_multiplies ? 3 : 1;  ///< products for one row of the kernel

  [[nodiscard]] Index worker_size() const { return padded_size_ + product_size_ + weights_size_; }

  template <class Body>
  void for_each_weight(const Body& body) const {
    parallel_for(out_channels_, 9 * shape_.channels, [&](Index o) {
      for (Index c = 0; c < shape_.channels; ++c)
        for (Index r = 0; r < 3; ++r)
          for (Index k = 0; k < 3; ++k) body(o, c, r, k, ((o * shape_.channels + c) * 3 + r) * 3 + k);
    });
  }

  template <class Body>
  void for_each_block(Index slot, const Body& body) const {
    const Index blocks = samples_ * blocks_per_image_;
    for (Index block = blocks * slot / slots_; block < blocks * (slot + 1) / slots_; ++block) {
      const Index row = block % blocks_per_image_ * rows_;
      body(block / blocks_per_image_, row, std::min(rows_, shape_.height - row));
    }
  }

  /// Kernels are (9 in, out) at the start of the workspace: rows in the order (kernel row, kernel column, channel).
  void correlate(const Scalar* x, Index in, Index out, Scalar* y, Scalar* workspace) const {
    const Index padded_width = shape_.width + 2;
    const ImageShape shape{shape_.height, shape_.width, in};
    const diffarch::detail::SerialEigen serial;
    const Scalar* const kernel = workspace;
    Scalar* const workers = workspace + weights_size_;
    parallel_for(slots_, samples_ * shape.size() * out * 9 / slots_, [&](Index slot) {
      Scalar* const padded = workers + slot * worker_size();
      Scalar* const product = padded + padded_size_;
      for_each_block(slot, [&](Index sample, Index row, Index rows) {
        pad_rows(x + sample * shape.size(), shape, padding_, row, rows, padded);
        for (Index r = 0; r < 3; ++r)
          for (Index part = 0; part < parts; ++part)
            eigen_product(true, false, out, rows * padded_width - 2, 3 / parts * in, kernel + (r * 3 + part) * in,
                          9 * in, static_cast<const Scalar*>(padded + (r * padded_width + part) * in), in, r + part > 0,
                          product, out);
        const Index line = shape_.width * out;
        Scalar* const to = y + (sample * shape_.height + row) * line;
        for (Index r = 0; r < rows; ++r) std::copy_n(product + r * padded_width * out, line, to + r * line);
      });
    });
  }

  ImageShape shape_;
  Index out_channels_ = 0;
  Padding padding_ = Padding::zeros;
  Index samples_ = 0;
  Index rows_ = 0;
  Index blocks_per_image_ = 0;
  Index slots_ = 1;
  Index padded_size_ = 0;
  Index product_size_ = 0;
  Index weights_size_ = 0;
};

}  // namespace detail

/// A KernelFamily that needs nothing but Eigen. Families of the host also have, for their own use,
///  - `product(transpose_a, transpose_b, m, n, k, a, stride_a, b, stride_b, accumulate, c, stride_c)`: column-major
///    C = op(A) op(B) + (accumulate ? C : 0), not both transposed, on the calling thread;
///  - `parallel_product(...)`: the same on all threads. Bits depend on the shapes and the number of threads only.
struct EigenKernels : HostKernels {
  [[nodiscard]] static std::string name() { return "Eigen"; }

  template <class Scalar>
  using Convolution = detail::EigenConvolution<Scalar>;
  template <class Scalar>
  using TransposedConvolution = detail::HostTransposedConvolution<Scalar, EigenKernels>;
  template <class Scalar>
  using FullyConnected = detail::HostFullyConnected<Scalar, EigenKernels>;

  template <class Scalar>
  static void product(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const Scalar* a, Index stride_a,
                      const Scalar* b, Index stride_b, bool accumulate, Scalar* c, Index stride_c) {
    detail::eigen_product(transpose_a, transpose_b, m, n, k, a, stride_a, b, stride_b, accumulate, c, stride_c);
  }

  template <class Scalar>
  static void parallel_product(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const Scalar* a,
                               Index stride_a, const Scalar* b, Index stride_b, bool accumulate, Scalar* c,
                               Index stride_c) {
    const diffarch::detail::SerialEigen serial;
    constexpr Index worth_splitting = 1 << 18;
    const Index pieces = m * n * k < worth_splitting ? 1 : thread_count();
    const bool split_rows = m >= n;
    const Index extent = split_rows ? m : n;
    const Index piece = (extent + 16 * pieces - 1) / (16 * pieces) * 16;
    parallel_for((extent + piece - 1) / piece, m * n * k / pieces, [&](Index task) {
      const Index begin = task * piece;
      const Index count = std::min(piece, extent - begin);
      if (split_rows)
        detail::eigen_product(transpose_a, transpose_b, count, n, k, a + begin * (transpose_a ? stride_a : 1), stride_a,
                              b, stride_b, accumulate, c + begin, stride_c);
      else
        detail::eigen_product(transpose_a, transpose_b, m, count, k, a, stride_a,
                              b + begin * (transpose_b ? 1 : stride_b), stride_b, accumulate, c + begin * stride_c,
                              stride_c);
    });
  }
};

static_assert(KernelFamily<EigenKernels>);

}  // namespace diffarch::nn
