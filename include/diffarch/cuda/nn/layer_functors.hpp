#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/cuda/runtime/lanes.hpp"
#include "diffarch/nn/kernels/adam_step.hpp"
#include "diffarch/nn/kernels/rectifier.hpp"
#include "diffarch/nn/kernels/training_levels.hpp"

/// The element functors of networks and of their training: see nn::KernelFamily for what each computes.
namespace diffarch::cuda {

/// Two sums at once.
struct SumPair {
  double first;
  double second;
  friend constexpr SumPair operator+(SumPair a, SumPair b) { return {a.first + b.first, a.second + b.second}; }
};

template <class Scalar, int width>
struct LeakyRelu {
  const Lanes<Scalar, width>* x;
  Lanes<Scalar, width>* y;
  Scalar slope;
  constexpr void operator()(Index i, Index /*column*/) const {
    Lanes<Scalar, width> values = x[i];
    for (Scalar& value : values.numbers) value = nn::detail::leaky_relu(value, slope);
    y[i] = values;
  }
};

template <class Scalar, int width>
struct LeakyReluBackward {
  const Lanes<Scalar, width>* y;
  const Lanes<Scalar, width>* dy;
  Lanes<Scalar, width>* dx;
  Scalar slope;
  constexpr void operator()(Index i, Index /*column*/) const {
    const Lanes<Scalar, width> values = y[i];
    Lanes<Scalar, width> gradient = dy[i];
    for (int k = 0; k < width; ++k)
      gradient.numbers[k] = nn::detail::leaky_relu_gradient(values.numbers[k], gradient.numbers[k], slope);
    dx[i] = gradient;
  }
};

template <class Scalar>
struct HyperbolicTangent {
  const Scalar* x;
  Scalar* y;
  constexpr void operator()(Index i, Index /*column*/) const { y[i] = std::tanh(x[i]); }
};

template <class Scalar>
struct HyperbolicTangentBackward {
  const Scalar* y;
  const Scalar* dy;
  Scalar* dx;
  constexpr void operator()(Index i, Index /*column*/) const { dx[i] = dy[i] * (Scalar(1) - y[i] * y[i]); }
};

/// Element (channel, pixel) of the output. A Value, here and in the functors below that have one, is a number or Lanes
/// of them; channels, rows and strides count Values.
template <class Value>
struct AveragePool {
  const Value* x;
  Value* y;
  Index width, channels;
  constexpr void operator()(Index channel, Index pixel) const {
    const auto [row, column] = divide(pixel, width);
    const Index line = 2 * width * channels;
    const Value* const upper = x + row * 2 * line + column * 2 * channels + channel;
    const Value* const lower = upper + line;
    y[pixel * channels + channel] = 0.25F * ((upper[0] + upper[channels]) + (lower[0] + lower[channels]));
  }
};

template <class Value>
struct AveragePoolBackward {
  const Value* dy;
  Value* dx;
  Index width, channels;
  constexpr void operator()(Index channel, Index pixel) const {
    const auto [row, column] = divide(pixel, width);
    const Index line = 2 * width * channels;
    Value* const upper = dx + row * 2 * line + column * 2 * channels + channel;
    Value* const lower = upper + line;
    upper[0] = upper[channels] = lower[0] = lower[channels] = 0.25F * dy[pixel * channels + channel];
  }
};

template <class Value>
struct CopyColumns {
  const Value* from;
  Index from_stride;
  Value* to;
  Index to_stride;
  constexpr void operator()(Index row, Index column) const {
    to[column * to_stride + row] = from[column * from_stride + row];
  }
};

template <class Value>
struct AddColumns {
  const Value* from;
  Index from_stride;
  Value* to;
  Index to_stride;
  constexpr void operator()(Index row, Index column) const {
    Value& sum = to[column * to_stride + row];
    sum = sum + from[column * from_stride + row];
  }
};

/// Element (channel, pixel of all samples): see `modulate` of nn::KernelFamily.
template <class Scalar>
struct Modulate {
  const Scalar* x;
  const Scalar* factors;
  Scalar* y;
  Index channels, pixels;
  constexpr void operator()(Index channel, Index column) const {
    const Scalar* const scale = factors + column / pixels * 2 * channels + channel;
    y[column * channels + channel] = (Scalar(1) + scale[0]) * x[column * channels + channel] + scale[channels];
  }
};

/// dy becomes dx.
template <class Scalar>
struct ModulateBackward {
  const Scalar* factors;
  Scalar* dy;
  Index channels, pixels;
  constexpr void operator()(Index channel, Index column) const {
    dy[column * channels + channel] *= Scalar(1) + factors[column / pixels * 2 * channels + channel];
  }
};

/// Of column channel + channels sample: dy x and dy of a pixel, of which there are `pixels` in a sample.
template <class Scalar>
struct FactorGradients {
  const Scalar* x;
  const Scalar* dy;
  Index channels, pixels;
  constexpr SumPair operator()(Index pixel, Index column) const {
    const Index at = column + (column / channels * (pixels - 1) + pixel) * channels;
    const auto gradient = static_cast<double>(dy[at]);
    return {gradient * static_cast<double>(x[at]), gradient};
  }
};

/// Their sums are the gradients of the factors.
template <class Scalar>
struct StoreFactorGradients {
  Scalar* dfactors;
  Index channels;
  constexpr void operator()(Index column, SumPair sums) const {
    Scalar* const to = dfactors + column + column / channels * channels;
    to[0] = static_cast<Scalar>(sums.first);
    to[channels] = static_cast<Scalar>(sums.second);
  }
};

template <class Scalar>
struct GatherColumns {
  const Scalar* from;
  Index rows;
  const Index* which;
  Scalar* to;
  constexpr void operator()(Index row, Index column) const {
    to[column * rows + row] = from[which[column] * rows + row];
  }
};

/// Element i of all pieces, one after the other: a network has dozens of tensors, most of them so small that their own
/// launches would take longer than the arithmetic.
template <class Scalar>
struct AdamUpdate {
  static constexpr int most_pieces = 64;  // what an argument of a kernel holds
  Scalar* parameters[most_pieces];
  const Scalar* gradients[most_pieces];
  Index ends[most_pieces];  ///< of each piece
  int pieces;
  Scalar* mean;
  Scalar* mean_squared;
  nn::detail::AdamCoefficients<Scalar> coefficients;

  constexpr void operator()(Index i, Index /*column*/) const {
    int piece = 0;
    for (int step = most_pieces / 2; step > 0; step /= 2)
      if (piece + step < pieces && ends[piece + step - 1] <= i) piece += step;
    const Index at = i - (piece > 0 ? ends[piece - 1] : 0);
    nn::detail::adam_element(parameters[piece][at], gradients[piece][at], mean[i], mean_squared[i], coefficients);
  }
};

template <class Scalar>
struct MoveAverage {
  Scalar* average;
  const Scalar* values;
  Scalar weight;
  constexpr void operator()(Index i, Index /*column*/) const { average[i] += weight * (values[i] - average[i]); }
};

/// One block of four elements of column `column` of a training batch, which has `count` columns for each level.
template <class Scalar>
struct NoisyBatch {
  Seed seed;
  nn::TrainingLevels<Scalar> levels;
  const Scalar* data;
  Index d, n;
  const Index* samples;
  Index count, first_draw;
  Scalar* clean;
  Scalar* noisy;

  constexpr void operator()(Index block, Index column) const {
    const Index level = column / count;
    const Index sample = samples[level * n + (column - level * count)];
    const CounterRandom random(seed, Stream{static_cast<std::uint32_t>(levels.streams[level])});
    const auto normals = box_muller_block(random.words(first_draw + sample, block));
    for (Index i = 0; i < 4 && 4 * block + i < d; ++i) {
      const Index row = 4 * block + i;
      const Scalar x = data[sample * d + row];
      clean[column * d + row] = x;
      noisy[column * d + row] =
          levels.signals[level] * x + levels.noises[level] * static_cast<Scalar>(normals[static_cast<std::size_t>(i)]);
    }
  }
};

/// One block of four elements of column `column` of a batch of one network for all levels.
template <class Scalar>
struct MixedBatch {
  Seed seed;
  nn::SharedLevels<Scalar> levels;
  const Scalar* data;
  Index d;
  const Index* samples;
  const Index* column_levels;
  Index first_draw;
  Scalar* target;
  Scalar* noisy;

  constexpr void operator()(Index block, Index column) const {
    const Index sample = samples[column];
    const Scalar* const weights = levels.weights + 4 * column_levels[column];
    const CounterRandom random(seed, Stream{static_cast<std::uint32_t>(levels.stream)});
    const auto normals = box_muller_block(random.words(first_draw + sample, block));
    for (Index i = 0; i < 4 && 4 * block + i < d; ++i) {
      const Index row = 4 * block + i;
      const Scalar x = data[sample * d + row];
      const auto noise = static_cast<Scalar>(normals[static_cast<std::size_t>(i)]);
      noisy[column * d + row] = weights[0] * x + weights[1] * noise;
      target[column * d + row] = weights[2] * x + weights[3] * noise;
    }
  }
};

/// 1 for a number that is NaN or infinite, else 0.
template <class Scalar>
struct IsNotFinite {
  const Scalar* values;
  constexpr double operator()(Index i, Index /*column*/) const {
    return values[i] - values[i] == Scalar(0) ? 0.0 : 1.0;
  }
};

/// (x0_hat - clean)^2 of element i of a piece of `size`, and on the way gradient = factor (x0_hat - clean).
template <class Scalar>
struct SquaredError {
  const Scalar* x0_hat;
  const Scalar* clean;
  Scalar* gradient;
  Index size;
  Scalar factor;
  constexpr double operator()(Index i, Index piece) const {
    const Index at = piece * size + i;
    const Scalar difference = x0_hat[at] - clean[at];
    gradient[at] = factor * difference;
    return static_cast<double>(difference) * static_cast<double>(difference);
  }
};

}  // namespace diffarch::cuda
