#pragma once

#include <cmath>
#include <span>
#include <string>

#include "diffarch/nn/kernels/host_copy.hpp"
#include "diffarch/nn/kernels/kernels.hpp"
#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

/// 3x3 convolution (correlation, as in PyTorch) without bias, stride 1, height and width kept:
///   y(r, c, o) = sum_{i, k, l} W(o, i, k, l) x(r + k - 1, c + l - 1, i), x beyond the border by `Padding`.
/// W is (out, in, 3, 3) and starts from U(-b, b), b = 1 / sqrt(9 in), PyTorch's default.
template <class ScalarType, class KernelsType = DefaultKernels>
class Convolution {
 public:
  using Scalar = ScalarType;
  using Kernels = KernelsType;

  Convolution(Index in_channels, Index out_channels, Padding padding)
      : in_(in_channels),
        out_(out_channels),
        padding_(padding),
        weight_(9 * in_channels * out_channels, 0),
        gradient_(9 * in_channels * out_channels, 0) {
    diffarch::detail::require(in_channels >= 1 && out_channels >= 1, "Convolution: ", in_channels, " channels to ",
                              out_channels, "; expected at least one of each");
  }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    diffarch::detail::require(input.channels == in_, "Convolution: input of shape ",
                              diffarch::detail::shape_text(input), " but the layer takes ", in_, " channels");
    return {input.height, input.width, out_};
  }
  [[nodiscard]] static constexpr Interval input_interval(Interval output) {
    return {output.first - 1, output.last + 1};
  }

  void plan(ImageShape input, Index samples) {
    static_cast<void>(output_shape(input));
    kernel_.plan(input, out_, padding_, samples);
  }
  [[nodiscard]] Index workspace_size() const { return kernel_.workspace_size(); }

  void forward(const Scalar* x, Scalar* y, Index /*samples*/, Mode /*mode*/, Scalar* workspace) {
    kernel_.forward(x, weight_.data(), y, workspace);
  }

  void backward(const Scalar* x, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index /*samples*/,
                Scalar* workspace) {
    kernel_.backward(x, dy, weight_.data(), gradient_.data(), dx, workspace);
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    visit(Parameter<Scalar>(detail::join(prefix, "weight"), {out_, in_, 3, 3}, weight_.span(), gradient_.span()));
  }

  void initialise(Initialiser& initialiser) {
    set_from_host<Kernels>(weight_.span(), [&](std::span<Scalar> values) {
      initialiser.uniform(values, 1.0 / std::sqrt(9.0 * static_cast<double>(in_)));
    });
  }

 private:
  Index in_;
  Index out_;
  Padding padding_;
  typename Kernels::template Buffer<Scalar> weight_;
  typename Kernels::template Buffer<Scalar> gradient_;
  typename Kernels::template Convolution<Scalar> kernel_;
};

}  // namespace diffarch::nn
