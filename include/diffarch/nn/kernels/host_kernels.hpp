#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "diffarch/core/backend.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/kernels/buffer.hpp"
#include "diffarch/nn/kernels/host_batch_norm.hpp"
#include "diffarch/nn/kernels/host_training.hpp"
#include "diffarch/nn/kernels/rectifier.hpp"

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

/// The part that all families of kernels on the host share: see `KernelFamily` for what a family is. It lacks the
/// matrix products, and so the layers that are made of them.
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

  template <class Scalar>
  static void modulate(const Scalar* x, const Scalar* factors, Scalar* y, Index channels, Index pixels, Index samples) {
    for_each_column(channels, pixels * samples, [=](Index column) {
      const Scalar* const scale = factors + column / pixels * 2 * channels;
      const Scalar* const from = x + column * channels;
      Scalar* const to = y + column * channels;
      for (Index c = 0; c < channels; ++c) to[c] = (Scalar(1) + scale[c]) * from[c] + scale[channels + c];
    });
  }
  /// Sums in double, over the pixels in order.
  template <class Scalar>
  static void modulate_backward(const Scalar* x, const Scalar* factors, Scalar* dy, Scalar* dfactors, Index channels,
                                Index pixels, Index samples) {
    parallel_for(samples, 4 * channels * pixels, [=](Index sample) {
      constexpr Index group = 16;  // of channels, whose sums stay in registers
      for (Index first = 0; first < channels; first += group) {
        const Index count = std::min(group, channels - first);
        const Scalar* const scale = factors + sample * 2 * channels + first;
        std::array<double, group> products{};
        std::array<double, group> sums{};
        for (Index pixel = sample * pixels; pixel < (sample + 1) * pixels; ++pixel) {
          const Scalar* const value = x + pixel * channels + first;
          Scalar* const gradient = dy + pixel * channels + first;
          for (Index k = 0; k < count; ++k) {
            const auto at = static_cast<std::size_t>(k);
            products[at] += static_cast<double>(gradient[k]) * static_cast<double>(value[k]);
            sums[at] += static_cast<double>(gradient[k]);
            gradient[k] *= Scalar(1) + scale[k];
          }
        }
        for (Index k = 0; k < count; ++k) {
          Scalar* const to = dfactors + sample * 2 * channels + first + k;
          to[0] = static_cast<Scalar>(products[static_cast<std::size_t>(k)]);
          to[channels] = static_cast<Scalar>(sums[static_cast<std::size_t>(k)]);
        }
      }
    });
  }
  template <class Scalar>
  static void gather_columns(const Scalar* from, Index rows, const Index* which, Index count, Scalar* to) {
    for_each_column(rows, count,
                    [=](Index column) { std::copy_n(from + which[column] * rows, rows, to + column * rows); });
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
