#pragma once

#include <algorithm>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/layer.hpp"

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

/// What element-wise layers share: no weights, shape unchanged, in place both ways, gradient from the output.
class ElementwiseLayer {
 public:
  static constexpr bool forward_in_place = true;
  static constexpr bool backward_in_place = true;
  static constexpr bool backward_reads_output = true;

  [[nodiscard]] static constexpr ImageShape output_shape(ImageShape input) { return input; }
  [[nodiscard]] static constexpr Interval input_interval(Interval output) { return output; }
  void plan(ImageShape input, Index /*samples*/) { size_ = input.size(); }
  [[nodiscard]] static constexpr Index workspace_size() { return 0; }
  template <class Visit>
  void for_each_parameter(const std::string& /*prefix*/, const Visit& /*visit*/) {}
  void initialise(Initialiser& /*initialiser*/) {}

 protected:
  Index size_ = 0;
};

}  // namespace detail

/// y = x where x > 0, else slope * x, slope >= 0: the sign of y then tells that of x. Slope 0 is ReLU.
template <class ScalarType>
class LeakyReLU : public detail::ElementwiseLayer {
 public:
  using Scalar = ScalarType;

  /// InvalidArgument unless slope is in [0, 1].
  explicit LeakyReLU(double slope) : slope_(static_cast<Scalar>(slope)) {
    diffarch::detail::require(slope >= 0.0 && slope <= 1.0, "LeakyReLU: slope = ", slope, "; expected 0 <= slope <= 1");
  }

  [[nodiscard]] Scalar slope() const noexcept { return slope_; }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode /*mode*/, Scalar* /*workspace*/) {
    const Scalar slope = slope_;
    // A product in any case: a value that may stay as it is in place would be a branch, and no vector instructions.
    detail::transform(x, y, size_ * samples,
                      [=](Scalar value, Index /*i*/) { return value * (value > Scalar(0) ? Scalar(1) : slope); });
  }

  void backward(const Scalar* /*x*/, const Scalar* y, const Scalar* dy, Scalar* dx, Index samples,
                Scalar* /*workspace*/) {
    if (dx == nullptr) return;
    const Scalar slope = slope_;
    detail::transform(dy, dx, size_ * samples,
                      [=](Scalar value, Index i) { return value * (y[i] > Scalar(0) ? Scalar(1) : slope); });
  }

 private:
  Scalar slope_;
};

/// y = max(x, 0); the derivative at 0 is 0.
template <class ScalarType>
class ReLU : public LeakyReLU<ScalarType> {
 public:
  ReLU() : LeakyReLU<ScalarType>(0.0) {}
};

/// y = tanh(x), dx = (1 - y^2) dy.
template <class ScalarType>
class Tanh : public detail::ElementwiseLayer {
 public:
  using Scalar = ScalarType;

  void forward(const Scalar* x, Scalar* y, Index samples, Mode /*mode*/, Scalar* /*workspace*/) {
    const Index count = size_ * samples;
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

  void backward(const Scalar* /*x*/, const Scalar* y, const Scalar* dy, Scalar* dx, Index samples,
                Scalar* /*workspace*/) {
    if (dx == nullptr) return;
    detail::transform(dy, dx, size_ * samples,
                      [=](Scalar value, Index i) { return value * (Scalar(1) - y[i] * y[i]); });
  }
};

}  // namespace diffarch::nn
