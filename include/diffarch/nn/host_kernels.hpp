#pragma once

#include <algorithm>
#include <array>

#include "diffarch/core/backend.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/buffer.hpp"
#include "diffarch/nn/host_batch_norm.hpp"
#include "diffarch/nn/host_training.hpp"
#include "diffarch/nn/rectifier.hpp"

namespace diffarch::nn {

namespace detail {

/// to[i] = f(from[i], i) for i in [0, count); `to` may be `from`.
template <class Scalar, class Function>
void transform(const Scalar* from, Scalar* to, Index count, const Function& f) {
  constexpr Index piece = 1 << 15;
  const auto body = [&](Index task) {
    const Function local = f;  // its constants in registers
    const Index end = std::min(count, (task + 1) * piece);
    // In place with one pointer: with two, a compiler must expect the arrays to overlap and not use vectors.
    if (from == to)
      for (Index i = task * piece; i < end; ++i) to[i] = local(to[i], i);
    else
      for (Index i = task * piece; i < end; ++i) to[i] = local(from[i], i);
  };
  if (count <= piece)
    body(0);  // not even the cost of asking for threads, which networks of small layers would notice
  else
    parallel_for((count + piece - 1) / piece, piece, body);
}

}  // namespace detail

/// The part that all families of kernels on the host share, and the contract of a family. A family of kernels does all
/// arithmetic of the layers, of training and of the models made of networks, for Scalar = float and double. Layers keep
/// shapes, tensors and names, and never touch a number themselves, so that another family may keep the numbers
/// elsewhere. Pointers are to memory of the family's backend, 64-byte aligned where a `workspace` is meant, unless they
/// are called `host`.
///
/// Memory:
///  - `name()`: for reports; `BackendType`: whose memory it is (see `Backend`), and that `KernelsOf` belongs to;
///  - `Buffer<Number>`: as nn::Buffer, of Scalar or Index: (), (size), (size, value), resize, size, data, span,
///    aligned(count); moves, never copies;
///  - `copy(from, count, to)`, `copy_to_host(from, count, host)`, `copy_from_host(host, count, to)`: Scalar or Index,
///    their one template argument; done on return; `fill(values, count, value)`.
/// Activations, element by element on `count` numbers; y may be x, dx may be dy:
///  - `leaky_relu(x, y, count, slope)`: y = x > 0 ? x : slope x; `leaky_relu_backward(y, dy, dx, count, slope)`. In
///    both NaN stays NaN: see rectifier.hpp;
///  - `tanh(x, y, count)`: NaN stays NaN; `tanh_backward(y, dy, dx, count)`: dx = (1 - y^2) dy.
/// Pixels, `channels` numbers each:
///  - `average_pool(x, y, rows, width, channels)`: x (2 rows, 2 width, channels) -> y (rows, width, channels), means of
///    2 x 2 pixels; `average_pool_backward(dy, dx, rows, width, channels)`;
///  - `copy_columns(from, from_stride, to, to_stride, rows, columns)`: a (rows, columns) matrix, column j from
///    `from + j from_stride` to `to + j to_stride`; `add_columns(...)`: the same, added to what is there.
/// Training:
///  - `adam_update(pieces, mean, mean_squared, coefficients)`: one step of `Adam` on the parameters of all pieces,
///  whose
///    means lie one after the other;
///  - `move_average(average, values, count, weight)`: average += weight (values - average);
///  - `noisy_batch(seed, levels, data, d, n, samples, count, first_draw, clean, noisy)`: data (d, n), samples (n, L)
///    of Index, L = levels.count of `TrainingLevels`; columns l count ... (l + 1) count - 1 of clean and noisy
///    (d, L count) belong to level l: with s = samples(j, l) and CounterRandom(seed, streams[l]), column j of them is
///    column s of data, and signals[l] clean + noises[l] epsilon with epsilon(i) = normal(first_draw + s, i);
///  - `mean_squared_errors(x0_hat, clean, gradient, size, levels, host)`: for each of `levels` pieces of `size` numbers
///    host[l] = sum (x0_hat - clean)^2 / size, a double, and gradient = 2 / size (x0_hat - clean);
///  - `all_finite(values, count)`: whether none of them is NaN or infinite;
///  - `stack_bytes`: how much memory networks of the same shape that are trained at once, as a stack, may take; 0 where
///    that is no quicker than one after the other.
/// Passes:
///  - `Recording`: run(place, work) does work(), which queues the same operations on the same memory whenever `place`,
///  up
///    to three pointers, is the same; it may do them without calling work again, and says whether it called it.
///    forget(): the next work is another.
/// Layers whose arithmetic has a plan or a state, each an object that moves and starts out empty; `workspace` holds
/// workspace_size() Scalars after `plan`; dx null: not wanted; gradients are set, not added to:
///  - `Convolution<Scalar>`: 3x3, see nn::Convolution for the sum. plan(ImageShape input, out_channels, Padding,
///    samples), workspace_size(), forward(x, weights, y, workspace), backward(x, dy, weights, weights_gradient, dx,
///    workspace); weights (out, in, 3, 3), the last axis fastest;
///  - `TransposedConvolution<Scalar>`: 2x2 with stride 2, see nn::TransposedConvolution. plan(ImageShape input,
///    out_channels, samples) and the same; weights (in, out, 2, 2);
///  - `FullyConnected<Scalar>`: y = W x + b. plan(inputs, outputs, samples, networks), workspace_size(),
///    forward(x, weights, bias, y, workspace), backward(x, dy, weights, weights_gradient, bias_gradient, dx,
///    workspace); W (outputs, inputs), the input fastest. Of several networks, one W and b after the other, each takes
///    its share of the samples, a multiple of `networks`. May also take over the LeakyReLU after it: see
///    `HostFullyConnected`;
///  - `BatchNorm<Scalar, Normalisation, Rectified>`: plan(channels, pixels), forward(x, y, mode, tensors), backward(x,
///    dy, dx, tensors), with `NormalisationTensors`; x and y (channels, pixels), dx may be dy.
/// Bits depend on shapes, and for sums over samples on the number of threads, only.
struct HostKernels : HostTraining {
  using BackendType = Cpu;
  static constexpr Index stack_bytes = 0;

  template <class Scalar>
  using Buffer = nn::Buffer<Scalar>;

  template <class Scalar, class Normalisation, bool Rectified>
  using BatchNorm = detail::HostBatchNorm<Scalar, Normalisation, Rectified>;

  /// The host has nothing to gain.
  struct Recording {
    template <class Work>
    static bool run(std::array<const void*, 3> /*place*/, const Work& work) {
      work();
      return true;
    }
    static void forget() {}
  };

  template <class Number>
  static void copy(const Number* from, Index count, Number* to) {
    std::copy_n(from, count, to);
  }
  template <class Number>
  static void copy_to_host(const Number* from, Index count, Number* to) {
    std::copy_n(from, count, to);
  }
  template <class Number>
  static void copy_from_host(const Number* from, Index count, Number* to) {
    std::copy_n(from, count, to);
  }
  template <class Scalar>
  static void fill(Scalar* values, Index count, Scalar value) {
    std::fill_n(values, count, value);
  }

  template <class Scalar>
  static void leaky_relu(const Scalar* x, Scalar* y, Index count, Scalar slope) {
    detail::transform(x, y, count, [=](Scalar value, Index /*i*/) { return detail::leaky_relu(value, slope); });
  }
  template <class Scalar>
  static void leaky_relu_backward(const Scalar* y, const Scalar* dy, Scalar* dx, Index count, Scalar slope) {
    detail::transform(dy, dx, count,
                      [=](Scalar value, Index i) { return detail::leaky_relu_gradient(y[i], value, slope); });
  }

  template <class Scalar>
  static void tanh(const Scalar* x, Scalar* y, Index count) {
    constexpr Index block = 64;
    parallel_for((count + block - 1) / block, 16 * block, [&](Index task) {
      const Index begin = task * block;
      const Index length = std::min(block, count - begin);
      // Eigen's tanh is vectorised in f32, but may give a number for NaN, which must stay one to be noticed.
      Eigen::Array<Scalar, block, 1> values = Eigen::Array<Scalar, block, 1>::Zero();
      std::copy_n(x + begin, length, values.data());
      const Eigen::Array<Scalar, block, 1> results = values.tanh();
      for (Index i = 0; i < length; ++i) y[begin + i] = values[i] == values[i] ? results[i] : values[i];
    });
  }
  template <class Scalar>
  static void tanh_backward(const Scalar* y, const Scalar* dy, Scalar* dx, Index count) {
    detail::transform(dy, dx, count, [=](Scalar value, Index i) { return value * (Scalar(1) - y[i] * y[i]); });
  }

  template <class Scalar>
  static void average_pool(const Scalar* x, Scalar* y, Index rows, Index width, Index channels) {
    const Index line = width * channels;
    parallel_for(rows, 4 * line, [=, c = channels](Index row) {
      const Scalar* upper = x + row * 4 * line;
      const Scalar* lower = upper + 2 * line;
      Scalar* to = y + row * line;
      for (Index column = 0; column < width; ++column, upper += 2 * c, lower += 2 * c, to += c)
        for (Index k = 0; k < c; ++k) to[k] = Scalar(0.25) * ((upper[k] + upper[k + c]) + (lower[k] + lower[k + c]));
    });
  }
  template <class Scalar>
  static void average_pool_backward(const Scalar* dy, Scalar* dx, Index rows, Index width, Index channels) {
    const Index line = width * channels;
    parallel_for(rows, 4 * line, [=, c = channels](Index row) {
      Scalar* upper = dx + row * 4 * line;
      Scalar* lower = upper + 2 * line;
      const Scalar* from = dy + row * line;
      for (Index column = 0; column < width; ++column, upper += 2 * c, lower += 2 * c, from += c)
        for (Index k = 0; k < c; ++k) upper[k] = upper[k + c] = lower[k] = lower[k + c] = Scalar(0.25) * from[k];
    });
  }

  template <class Scalar>
  static void copy_columns(const Scalar* from, Index from_stride, Scalar* to, Index to_stride, Index rows,
                           Index columns) {
    for_each_column(rows, columns,
                    [=](Index column) { std::copy_n(from + column * from_stride, rows, to + column * to_stride); });
  }
  template <class Scalar>
  static void add_columns(const Scalar* from, Index from_stride, Scalar* to, Index to_stride, Index rows,
                          Index columns) {
    for_each_column(rows, columns, [=](Index column) {
      const Scalar* const source = from + column * from_stride;
      Scalar* const target = to + column * to_stride;
      for (Index row = 0; row < rows; ++row) target[row] += source[row];
    });
  }

 private:
  template <class Body>
  static void for_each_column(Index rows, Index columns, const Body& body) {
    constexpr Index numbers_per_task = 1 << 12;
    const Index piece = std::max<Index>(1, numbers_per_task / rows);
    parallel_for((columns + piece - 1) / piece, piece * rows, [&](Index task) {
      const Index end = std::min(columns, (task + 1) * piece);
      for (Index column = task * piece; column < end; ++column) body(column);
    });
  }
};

}  // namespace diffarch::nn
