#pragma once

#include <array>
#include <concepts>
#include <span>
#include <string>

#include "diffarch/core/backend.hpp"
#include "diffarch/core/image_shape.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/nn/kernels/adam_step.hpp"
#include "diffarch/nn/kernels/layer_options.hpp"
#include "diffarch/nn/kernels/normalisation.hpp"
#include "diffarch/nn/kernels/training_levels.hpp"

// A family of kernels does all arithmetic of the layers, of training and of the models made of networks, for Scalar =
// float and double. Layers keep shapes, tensors and names, and never touch a number themselves, so that another family
// may keep the numbers elsewhere. Pointers are to memory of the family's backend, 64-byte aligned where a `workspace`
// is meant, unless they are called `host`. Results depend, bit by bit, on shapes, and for sums over samples on the
// number of threads, only.

namespace diffarch::nn {

namespace detail {

/// Memory of the backend.
///  - `Buffer<Number>`: as nn::Buffer, of Scalar or Index. Moves, never copies.
///  - `copy(from, count, to)`, `copy_to_host(from, count, host)` and `copy_from_host(host, count, to)` are done when
///  they
///    return. `fill(values, count, value)`.
template <class K, class Number>
concept KernelMemory = std::movable<typename K::template Buffer<Number>> &&
    requires(typename K::template Buffer<Number> buffer, const Number* from, Number* to, Index count, Number value) {
  requires std::constructible_from<typename K::template Buffer<Number>, Index, Number>;
  buffer.resize(count);
  { buffer.size() } -> std::convertible_to<Index>;
  { buffer.data() } -> std::convertible_to<Number*>;
  { buffer.span() } -> std::convertible_to<std::span<Number>>;
  { K::template Buffer<Number>::aligned(count) } -> std::convertible_to<Index>;
  K::template copy<Number>(from, count, to);
  K::template copy_to_host<Number>(from, count, to);
  K::template copy_from_host<Number>(from, count, to);
  K::fill(to, count, value);
};

/// Activations, element by element on `count` numbers. y may be x, and dx may be dy.
///  - `leaky_relu`: y = x > 0 ? x : slope x. `leaky_relu_backward(y, dy, dx, count, slope)`.
///  - `tanh`. `tanh_backward(y, dy, dx, count)`: dx = (1 - y^2) dy.
/// NaN stays NaN in all of them: see rectifier.hpp.
template <class K, class Scalar>
concept ActivationKernels = requires(const Scalar* in, Scalar* out, Index count, Scalar slope) {
  K::leaky_relu(in, out, count, slope);
  K::leaky_relu_backward(in, in, out, count, slope);
  K::tanh(in, out, count);
  K::tanh_backward(in, in, out, count);
};

/// Pixels, `channels` numbers each.
///  - `average_pool(x, y, rows, width, channels)`: x (2 rows, 2 width, channels) -> y (rows, width, channels), means of
///    2 x 2 pixels. `average_pool_backward(dy, dx, rows, width, channels)`.
///  - `copy_columns(from, from_stride, to, to_stride, rows, columns)`: a (rows, columns) matrix, column j from
///    `from + j from_stride` to `to + j to_stride`. `add_columns` adds it to what is there.
///  - `modulate(x, factors, y, channels, pixels, samples)`: x and y (channels, pixels, samples), factors (channels, 2,
///    samples): y(c, p, s) = (1 + factors(c, 0, s)) x(c, p, s) + factors(c, 1, s).
///    `modulate_backward(x, factors, dy, dfactors, channels, pixels, samples)` turns dy into dx.
///  - `gather_columns(from, rows, which, count, to)`: column j of `to`, for j < count, is column which[j] of `from`, of
///    as many rows.
template <class K, class Scalar>
concept PixelKernels = requires(const Scalar* in, Scalar* out, Index count, const Index* which) {
  K::average_pool(in, out, count, count, count);
  K::average_pool_backward(in, out, count, count, count);
  K::copy_columns(in, count, out, count, count, count);
  K::add_columns(in, count, out, count, count, count);
  K::modulate(in, in, out, count, count, count);
  K::modulate_backward(in, in, out, out, count, count, count);
  K::gather_columns(in, count, which, count, out);
};

/// Training.
///  - `adam_update(pieces, mean, mean_squared, coefficients)`: one step of `Adam` on the parameters of all pieces,
///  whose
///    means lie one after the other.
///  - `move_average(average, values, count, weight)`: average += weight (values - average).
///  - `noisy_batch(seed, levels, data, d, n, samples, count, first_draw, clean, noisy)`: data (d, n), samples (n, L) of
///    Index, L = levels.count of `TrainingLevels`. Columns l count ... (l + 1) count - 1 of clean and noisy (d, L
///    count) belong to level l: with s = samples(j, l) and CounterRandom(seed, streams[l]), column j of them is column
///    s of data, and signals[l] clean + noises[l] epsilon with epsilon(i) = normal(first_draw + s, i).
///  - `mixed_batch(seed, levels, data, d, samples, column_levels, count, first_draw, target, noisy)`, levels being
///    `SharedLevels`: for j < count and with s = samples[j], column j of noisy and target (d, count) is input and
///    target of level column_levels[j], of column s of data and of epsilon(i) = normal(first_draw + s, i).
///  - `mean_squared_errors(x0_hat, clean, gradient, size, levels, host)`: for each of `levels` pieces of `size` numbers
///    host[l] = sum (x0_hat - clean)^2 / size, a double, and gradient = 2 / size (x0_hat - clean).
///  - `all_finite(values, count)`: whether none of them is NaN or infinite.
///  - `stack_bytes`: how much memory networks of the same shape that are trained at once, as a stack, may take; 0 where
///    that is no quicker than one after the other.
template <class K, class Scalar>
concept TrainingKernels = requires(std::span<const ParametersWithGradient<Scalar>> pieces,
                                   const AdamCoefficients<Scalar>& coefficients, Seed seed,
                                   const TrainingLevels<Scalar>& levels, const SharedLevels<Scalar>& shared,
                                   const Index* samples, const Scalar* in, Scalar* out, Index count, double* host) {
  K::template adam_update<Scalar>(pieces, out, out, coefficients);
  K::move_average(out, in, count, Scalar(1));
  K::noisy_batch(seed, levels, in, count, count, samples, count, count, out, out);
  K::mixed_batch(seed, shared, in, count, samples, samples, count, count, out, out);
  K::mean_squared_errors(in, in, out, count, count, host);
  { K::all_finite(in, count) } -> std::same_as<bool>;
  { K::stack_bytes } -> std::convertible_to<Index>;
};

/// Layers whose arithmetic has a plan or a state: objects that move and start out empty. `workspace` holds
/// workspace_size() Scalars after `plan`. With dx null the gradient with respect to x is not wanted. Gradients are set,
/// not added to.
///  - `Convolution<Scalar>`: 3x3, see nn::Convolution for the sum; weights (out, in, 3, 3), the last axis fastest.
///  - `TransposedConvolution<Scalar>`: 2x2 with stride 2, see nn::TransposedConvolution; weights (in, out, 2, 2).
///  - `FullyConnected<Scalar>`: y = W x + b, W (outputs, inputs), the input fastest. Of several networks, one W and b
///    after the other, each takes its share of the samples, a multiple of `networks`. A family may also take over the
///    LeakyReLU after it: see `HostFullyConnected`.
///  - `BatchNorm<Scalar, Normalisation, Rectified>`: x and y (channels, pixels), dx may be dy.
template <class K, class Scalar>
concept LayerKernels = requires(typename K::template Convolution<Scalar> convolution,
                                typename K::template TransposedConvolution<Scalar> transposed,
                                typename K::template FullyConnected<Scalar> product,
                                typename K::template BatchNorm<Scalar, StandardNormalisation, true> normalisation,
                                ImageShape input, Index count, const Scalar* in, Scalar* out, Mode mode,
                                const NormalisationTensors<Scalar>& tensors) {
  convolution.plan(input, count, Padding::zeros, count);
  { convolution.workspace_size() } -> std::convertible_to<Index>;
  convolution.forward(in, in, out, out);
  convolution.backward(in, in, in, out, out, out);
  transposed.plan(input, count, count);
  { transposed.workspace_size() } -> std::convertible_to<Index>;
  transposed.forward(in, in, out, out);
  transposed.backward(in, in, in, out, out, out);
  product.plan(count, count, count, count);
  { product.workspace_size() } -> std::convertible_to<Index>;
  product.forward(in, in, in, out, out);
  product.backward(in, in, in, out, out, out, out);
  normalisation.plan(count, count);
  normalisation.forward(in, out, mode, tensors);
  normalisation.backward(in, in, out, tensors);
};

/// Passes. `Recording`: run(place, work) does work(), which queues the same operations on the same memory whenever
/// `place`, up to three pointers, is the same. A recording may do them without calling work again, and says whether it
/// called it. forget(): the next work is another.
template <class K>
concept PassKernels = requires(typename K::Recording recording, std::array<const void*, 3> place, void (*work)()) {
  { recording.run(place, work) } -> std::same_as<bool>;
  recording.forget();
};

template <class K, class Scalar>
concept KernelsFor = KernelMemory<K, Scalar> && ActivationKernels<K, Scalar> && PixelKernels<K, Scalar> &&
    TrainingKernels<K, Scalar> && LayerKernels<K, Scalar>;

}  // namespace detail

/// A family of kernels: see the head of this file. `name()` is for reports; `BackendType` is whose memory it is, and
/// the backend that `KernelsOf` belongs to. The sections of the vocabulary are the concepts above.
template <class K>
concept KernelFamily = Backend<typename K::BackendType> && detail::KernelMemory<K, Index> &&
    detail::KernelsFor<K, float> && detail::KernelsFor<K, double> && detail::PassKernels<K> && requires {
  { K::name() } -> std::convertible_to<std::string>;
};

}  // namespace diffarch::nn
