#pragma once

#include <algorithm>

#include "diffarch/core/batch.hpp"
#include "diffarch/nn/kernels/rectifier.hpp"

namespace diffarch::nn::detail {

/// The tensors of a `ThinBlock` with I inputs, `wide` hidden units and O outputs, or their gradients.
template <class Scalar>
struct ThinBlockTensors {
  Scalar* weight;         ///< W (wide, I), the input fastest
  Scalar* bias;           ///< b (wide)
  Scalar* output_weight;  ///< V (O, wide), the hidden unit fastest
  Scalar* output_bias;    ///< c (O)
};

/// y = c + V f(b + W x) for each sample, where f(x) = x for x > 0, else slope * x, with so few inputs and outputs that
/// one pass can keep all hidden values in registers. A register holds one hidden unit of as many samples as fit, so
/// sums over units need no sum within a register.
///
/// Such a block is linear wherever no h = b + W x changes sign. With r = 1 - slope and p the units where h > 0,
///     y = c + slope V (b + W x) + r sum_p V h,
/// whose first part is one small matrix for all samples. Backwards, all that unit u needs to know of the batch are the
/// moments sum f'(h) dy and sum f'(h) dy x^T over the samples, from which dW, db and dV follow; and f' = slope + r in
/// p. A moment costs one masked addition for a unit and a sample. There are O (1 + I) of them, and O I sums for dx:
/// where registers do not hold them, two products are quicker.
/// The result of a sample does not depend on the other samples. Gradients are summed in an order that depends on sizes
/// alone.
template <class Scalar>
class ThinBlock {
 private:
  static constexpr int registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS;

 public:
  static constexpr Index most = registers >= 32 ? 4 : 2;  ///< of I O
  using Weights = ThinBlockTensors<const Scalar>;
  using Gradients = ThinBlockTensors<Scalar>;

  /// inputs, wide, outputs >= 1, inputs * outputs <= most, slope in [0, 1].
  ThinBlock(Index inputs, Index wide, Index outputs, Scalar slope)
      : inputs_(inputs), wide_(wide), outputs_(outputs), slope_(slope) {}

  /// x (I, samples) -> y (O, samples).
  void forward(const Weights& weights, const Scalar* x, Scalar* y, Index samples) const {
    with_sizes([&]<int I, int O>() { forward_of<I, O>(weights, x, y, samples); });
  }

  /// Sets the gradients of all tensors and, unless it is null, dx. dx must not overlap with dy.
  void backward(const Weights& weights, const Scalar* x, const Scalar* dy, Scalar* dx, const Gradients& gradients,
                Index samples) const {
    with_sizes([&]<int I, int O>() {
      if (dx == nullptr)
        backward_of<I, O, false>(weights, x, dy, dx, gradients, samples);
      else
        backward_of<I, O, true>(weights, x, dy, dx, gradients, samples);
    });
  }

 private:
  using Vector = typename Eigen::internal::packet_traits<Scalar>::type;
  static constexpr int size = Eigen::internal::unpacket_traits<Vector>::size;
  static constexpr int strip = 64;         ///< hidden units whose moments are kept at a time
  static constexpr int chunk = 32 * size;  ///< samples that a backward pass works on at a time

  [[nodiscard]] static Vector all(Scalar x) { return Eigen::internal::pset1<Vector>(x); }
  [[nodiscard]] static Vector load(const Scalar* from) { return Eigen::internal::pload<Vector>(from); }
  static void store(Scalar* to, const Vector& x) { Eigen::internal::pstore(to, x); }
  [[nodiscard]] static Vector multiply_add(const Vector& a, const Vector& b, const Vector& c) {
    return Eigen::internal::pmadd(a, b, c);
  }
  /// x + y where h > 0, else x. Compilers know comparisons of vector registers, and make masks of them where there are.
  [[nodiscard]] static Vector add_where_positive(const Vector& h, const Vector& x, const Vector& y) {
    const Vector sum = x + y;
    return h > all(Scalar(0)) ? sum : x;
  }

  /// Of `Width` numbers of each sample, an array of every one, zeros behind the last sample.
  template <int Width, int Length>
  static void separate(const Scalar* from, Index samples, Scalar (*to)[Length]) {
    const Index filled = (samples + size - 1) / size * size;
    for (int k = 0; k < Width; ++k) {
      for (Index j = 0; j < samples; ++j) to[k][j] = from[j * Width + k];
      for (Index j = samples; j < filled; ++j) to[k][j] = Scalar(0);
    }
  }
  template <int Width, int Length>
  static void interleave(const Scalar (*from)[Length], Index samples, Scalar* to) {
    for (Index j = 0; j < samples; ++j)
      for (int k = 0; k < Width; ++k) to[j * Width + k] = from[k][j];
  }

  /// V W.
  template <int I, int O>
  void multiply_weights(const Weights& weights, Scalar (&product)[O][I]) const {
    for (int o = 0; o < O; ++o)
      for (int i = 0; i < I; ++i) product[o][i] = Scalar(0);
    for (Index u = 0; u < wide_; ++u)
      for (int o = 0; o < O; ++o)
        for (int i = 0; i < I; ++i) product[o][i] += weights.output_weight[o * wide_ + u] * weights.weight[u * I + i];
  }

  template <int I, int O>
  void forward_of(const Weights& weights, const Scalar* x, Scalar* y, Index samples) const {
    Scalar linear[O][I];
    multiply_weights<I, O>(weights, linear);
    Scalar constant[O];
    for (int o = 0; o < O; ++o) {
      Scalar sum(0);
      for (Index u = 0; u < wide_; ++u) sum += weights.output_weight[o * wide_ + u] * weights.bias[u];
      constant[o] = weights.output_bias[o] + slope_ * sum;
      for (int i = 0; i < I; ++i) linear[o][i] *= slope_;
    }
    constexpr int count = std::clamp(registers / (2 * (I + O + 1)), 1, 4);
    constexpr int tile = count * size;
    const Vector zero = all(Scalar(0));
    for (Index begin = 0; begin < samples; begin += tile) {
      alignas(64) Scalar inputs[I][tile] = {};
      alignas(64) Scalar outputs[O][tile];
      const Index now = std::min<Index>(tile, samples - begin);
      separate<I, tile>(x + begin * I, now, inputs);
      Vector in[I][count];
      Vector sums[O][count];
      for (int r = 0; r < count; ++r) {
        for (int i = 0; i < I; ++i) in[i][r] = load(&inputs[i][r * size]);
        for (int o = 0; o < O; ++o) sums[o][r] = zero;
      }
      for (Index u = 0; u < wide_; ++u)
        for (int r = 0; r < count; ++r) {
          const Vector h = relu(hidden<I>(weights, u, [&](int i) { return in[i][r]; }));
          for (int o = 0; o < O; ++o)
            sums[o][r] = multiply_add(all(weights.output_weight[o * wide_ + u]), h, sums[o][r]);
        }
      for (int r = 0; r < count; ++r)
        for (int o = 0; o < O; ++o) {
          Vector result = multiply_add(all(Scalar(1) - slope_), sums[o][r], all(constant[o]));
          for (int i = 0; i < I; ++i) result = multiply_add(all(linear[o][i]), in[i][r], result);
          store(&outputs[o][r * size], result);
        }
      interleave<O, tile>(outputs, now, y + begin * O);
    }
  }

  /// b + W x of one unit, input(i) being input i of some samples.
  template <int I, class Input>
  [[nodiscard]] static Vector hidden(const Weights& weights, Index unit, const Input& input) {
    Vector h = all(weights.bias[unit]);
    for (int i = 0; i < I; ++i) h = multiply_add(all(weights.weight[unit * I + i]), input(i), h);
    return h;
  }

  /// The data of a chunk of samples in a backward pass. Moment o (1 + I) is the moment of dy_o; the I moments after it
  /// are those of dy_o x_i.
  template <int I, int O>
  struct Chunk {
    static constexpr int moments = O * (1 + I);
    alignas(64) Scalar inputs[I][chunk];
    alignas(64) Scalar products[moments][chunk];
    alignas(64) Scalar slopes[O * I][chunk];  ///< sum over units in p of V_o W_i
    Scalar totals[moments];
    Index samples;
    Index vectors;
  };

  template <int I, int O, bool WantsInput>
  void backward_of(const Weights& weights, const Scalar* x, const Scalar* dy, Scalar* dx, const Gradients& gradients,
                   Index samples) const {
    Scalar linear[O][I];
    if constexpr (WantsInput) multiply_weights<I, O>(weights, linear);
    Chunk<I, O> now;
    for (Index begin = 0; begin < samples; begin += chunk) {
      now.samples = std::min<Index>(chunk, samples - begin);
      prepare<I, O, WantsInput>(x + begin * I, dy + begin * O, now);
      for (int o = 0; o < O; ++o)
        gradients.output_bias[o] = (begin == 0 ? Scalar(0) : gradients.output_bias[o]) + now.totals[o * (1 + I)];
      for (Index first = 0; first < wide_; first += strip)
        backward_strip<I, O, WantsInput>(weights, first, std::min<Index>(strip, wide_ - first), now, gradients,
                                         begin == 0);
      if constexpr (WantsInput) {
        for (int i = 0; i < I; ++i)
          for (Index j = 0; j < now.vectors * size; j += size) {
            Vector sum = all(Scalar(0));
            for (int o = 0; o < O; ++o) {
              const Vector derivative =
                  multiply_add(all(Scalar(1) - slope_), load(&now.slopes[o * I + i][j]), all(slope_ * linear[o][i]));
              sum = multiply_add(derivative, load(&now.products[o * (1 + I)][j]), sum);
            }
            store(&now.inputs[i][j], sum);  // no longer needed
          }
        interleave<I, chunk>(now.inputs, now.samples, dx + begin * I);
      }
    }
  }

  template <int I, int O, bool WantsInput>
  static void prepare(const Scalar* x, const Scalar* dy, Chunk<I, O>& now) {
    now.vectors = (now.samples + size - 1) / size;
    separate<I, chunk>(x, now.samples, now.inputs);
    alignas(64) Scalar dys[O][chunk];
    separate<O, chunk>(dy, now.samples, dys);
    Vector sums[Chunk<I, O>::moments];
    for (Vector& sum : sums) sum = all(Scalar(0));
    for (Index j = 0; j < now.vectors * size; j += size) {
      for (int o = 0; o < O; ++o) {
        const int first = o * (1 + I);
        const Vector factor = load(&dys[o][j]);
        store(&now.products[first][j], factor);
        sums[first] = Eigen::internal::padd(sums[first], factor);
        for (int i = 0; i < I; ++i) {
          const Vector product = Eigen::internal::pmul(factor, load(&now.inputs[i][j]));
          store(&now.products[first + 1 + i][j], product);
          sums[first + 1 + i] = Eigen::internal::padd(sums[first + 1 + i], product);
        }
      }
      if constexpr (WantsInput)
        for (auto& slopes : now.slopes) store(&slopes[j], all(Scalar(0)));
    }
    for (int m = 0; m < Chunk<I, O>::moments; ++m) now.totals[m] = Eigen::internal::predux(sums[m]);
  }

  /// Hidden units [first, first + count), count <= strip.
  template <int I, int O, bool WantsInput>
  void backward_strip(const Weights& weights, Index first, Index count, Chunk<I, O>& now, const Gradients& gradients,
                      bool is_first_chunk) const {
    constexpr int moments = Chunk<I, O>::moments;
    constexpr int units = std::clamp(registers / 2 / moments, 1, 4);
    alignas(64) Scalar sums[moments][strip];
    Index u = 0;
    for (; u + units <= count; u += units) add_moments<I, O, WantsInput, units>(weights, first, u, now, sums);
    for (; u < count; ++u) add_moments<I, O, WantsInput, 1>(weights, first, u, now, sums);

    for (int m = 0; m < moments; ++m)
      for (u = 0; u < count; ++u) sums[m][u] = slope_ * now.totals[m] + (Scalar(1) - slope_) * sums[m][u];
    for (u = 0; u < count; ++u) {
      const Index unit = first + u;
      Scalar bias(0);
      Scalar weight[I] = {};
      for (int o = 0; o < O; ++o) {
        const Scalar v = weights.output_weight[o * wide_ + unit];
        const int m = o * (1 + I);
        Scalar output = weights.bias[unit] * sums[m][u];
        bias += v * sums[m][u];
        for (int i = 0; i < I; ++i) {
          output += weights.weight[unit * I + i] * sums[m + 1 + i][u];
          weight[i] += v * sums[m + 1 + i][u];
        }
        put(gradients.output_weight[o * wide_ + unit], output, is_first_chunk);
      }
      put(gradients.bias[unit], bias, is_first_chunk);
      for (int i = 0; i < I; ++i) put(gradients.weight[unit * I + i], weight[i], is_first_chunk);
    }
  }
  static void put(Scalar& to, Scalar value, bool is_first) { to = is_first ? value : to + value; }

  /// sums[m][u ...] = sum of product m over the samples where a unit is in p, for Units units from first + u on.
  template <int I, int O, bool WantsInput, int Units>
  void add_moments(const Weights& weights, Index first, Index u, Chunk<I, O>& now,
                   Scalar (&sums)[Chunk<I, O>::moments][strip]) const {
    constexpr int moments = Chunk<I, O>::moments;
    Vector partial[Units][moments];
    Vector bias[Units];
    Vector weight[Units][I];
    Vector product[Units][O * I];
    const Vector zero = all(Scalar(0));
    Vector not_finite = zero;  // zeros, or NaN where an h was not finite: comparisons alone take NaN for inactive
    for (int k = 0; k < Units; ++k) {
      const Index unit = first + u + k;
      for (Vector& sum : partial[k]) sum = all(Scalar(0));
      bias[k] = all(weights.bias[unit]);
      for (int i = 0; i < I; ++i) {
        weight[k][i] = all(weights.weight[unit * I + i]);
        for (int o = 0; o < O; ++o)
          product[k][o * I + i] = all(weights.output_weight[o * wide_ + unit] * weights.weight[unit * I + i]);
      }
    }
    for (Index j = 0; j < now.vectors * size; j += size) {
      Vector h[Units];
      Vector here = zero;  // the same of these samples
      for (int k = 0; k < Units; ++k) {
        h[k] = bias[k];
        for (int i = 0; i < I; ++i) h[k] = multiply_add(weight[k][i], load(&now.inputs[i][j]), h[k]);
        here = multiply_add(h[k], zero, here);
      }
      not_finite = not_finite + here;
      for (int m = 0; m < moments; ++m) {
        const Vector value = load(&now.products[m][j]);
        for (int k = 0; k < Units; ++k) partial[k][m] = add_where_positive(h[k], partial[k][m], value);
      }
      if constexpr (WantsInput)
        for (int s = 0; s < O * I; ++s) {
          Vector sum = load(&now.slopes[s][j]) + here;
          for (int k = 0; k < Units; ++k) sum = add_where_positive(h[k], sum, product[k][s]);
          store(&now.slopes[s][j], sum);
        }
    }
    for (int k = 0; k < Units; ++k)
      for (int m = 0; m < moments; ++m) sums[m][u + k] = Eigen::internal::predux(partial[k][m] + not_finite);
  }

  /// body<I, O>() with the sizes of the block.
  template <int I = 1, int O = 1, class Body>
  void with_sizes(const Body& body) const {
    if (I == inputs_ && O == outputs_)
      body.template operator()<I, O>();
    else if constexpr (I * (O + 1) <= most)
      with_sizes<I, O + 1>(body);
    else if constexpr (I + 1 <= most)
      with_sizes<I + 1, 1>(body);
  }

  Index inputs_;
  Index wide_;
  Index outputs_;
  Scalar slope_;
};

}  // namespace diffarch::nn::detail
