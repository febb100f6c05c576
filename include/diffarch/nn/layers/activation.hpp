#pragma once

#include <string>

#include "diffarch/nn/kernels/kernels.hpp"
#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

namespace detail {

/// The common part of element-wise layers. They have no weights, keep the shape, work in place in both directions, and
/// compute the gradient from their output.
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
template <class ScalarType, class KernelsType = DefaultKernels>
class LeakyReLU : public detail::ElementwiseLayer {
 public:
  using Scalar = ScalarType;
  using Kernels = KernelsType;

  /// InvalidArgument unless slope is in [0, 1].
  explicit LeakyReLU(double slope) : slope_(static_cast<Scalar>(slope)) {
    diffarch::detail::require(slope >= 0.0 && slope <= 1.0, "LeakyReLU: slope = ", slope, "; expected 0 <= slope <= 1");
  }

  [[nodiscard]] Scalar slope() const noexcept { return slope_; }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode /*mode*/, Scalar* /*workspace*/) {
    Kernels::leaky_relu(x, y, size_ * samples, slope_);
  }

  void backward(const Scalar* /*x*/, const Scalar* y, const Scalar* dy, Scalar* dx, Index samples,
                Scalar* /*workspace*/) {
    if (dx != nullptr) Kernels::leaky_relu_backward(y, dy, dx, size_ * samples, slope_);
  }

 private:
  Scalar slope_;
};

/// y = max(x, 0); the derivative at 0 is 0.
template <class ScalarType, class KernelsType = DefaultKernels>
class ReLU : public LeakyReLU<ScalarType, KernelsType> {
 public:
  ReLU() : LeakyReLU<ScalarType, KernelsType>(0.0) {}
};

/// y = tanh(x), dx = (1 - y^2) dy.
template <class ScalarType, class KernelsType = DefaultKernels>
class Tanh : public detail::ElementwiseLayer {
 public:
  using Scalar = ScalarType;
  using Kernels = KernelsType;

  void forward(const Scalar* x, Scalar* y, Index samples, Mode /*mode*/, Scalar* /*workspace*/) {
    Kernels::tanh(x, y, size_ * samples);
  }

  void backward(const Scalar* /*x*/, const Scalar* y, const Scalar* dy, Scalar* dx, Index samples,
                Scalar* /*workspace*/) {
    if (dx != nullptr) Kernels::tanh_backward(y, dy, dx, size_ * samples);
  }
};

}  // namespace diffarch::nn
