#pragma once

#include <cmath>
#include <span>
#include <string>

#include "diffarch/nn/kernels/host_copy.hpp"
#include "diffarch/nn/kernels/kernels.hpp"
#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

/// 2x2 transposed convolution with stride 2 and no bias: height x width x in -> 2 height x 2 width x out,
///   y(2r + a, 2c + b, o) = sum_i W(i, o, a, b) x(r, c, i), a and b in {0, 1}.
/// W is (in, out, 2, 2) and starts from U(-b, b), b = 1 / sqrt(4 out), PyTorch's default (its fan-in counts `out`).
template <class ScalarType, class KernelsType = DefaultKernels>
class TransposedConvolution {
 public:
  using Scalar = ScalarType;
  using Kernels = KernelsType;

  TransposedConvolution(Index in_channels, Index out_channels)
      : in_(in_channels),
        out_(out_channels),
        weight_(4 * in_channels * out_channels, 0),
        gradient_(4 * in_channels * out_channels, 0) {
    diffarch::detail::require(in_channels >= 1 && out_channels >= 1, "TransposedConvolution: ", in_channels,
                              " channels to ", out_channels, "; expected at least one of each");
  }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    diffarch::detail::require(input.channels == in_, "TransposedConvolution: input of shape ",
                              diffarch::detail::shape_text(input), " but the layer takes ", in_, " channels");
    return {2 * input.height, 2 * input.width, out_};
  }
  [[nodiscard]] static constexpr Interval input_interval(Interval output) {
    // >> rounds towards minus infinity.
    return {output.first >> 1, output.last >> 1};
  }

  void plan(ImageShape input, Index samples) {
    static_cast<void>(output_shape(input));
    kernel_.plan(input, out_, samples);
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
    visit(Parameter<Scalar>(detail::join(prefix, "weight"), {in_, out_, 2, 2}, weight_.span(), gradient_.span()));
  }

  void initialise(Initialiser& initialiser) {
    set_from_host<Kernels>(weight_.span(), [&](std::span<Scalar> values) {
      initialiser.uniform(values, 1.0 / std::sqrt(4.0 * static_cast<double>(out_)));
    });
  }

 private:
  Index in_;
  Index out_;
  typename Kernels::template Buffer<Scalar> weight_;
  typename Kernels::template Buffer<Scalar> gradient_;
  typename Kernels::template TransposedConvolution<Scalar> kernel_;
};

}  // namespace diffarch::nn
