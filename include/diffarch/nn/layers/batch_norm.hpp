#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include "diffarch/nn/kernels/host_copy.hpp"
#include "diffarch/nn/kernels/kernels.hpp"
#include "diffarch/nn/kernels/normalisation.hpp"
#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

/// Batch norm over samples and pixels of each channel, with momentum 0.1 for the running statistics; mean and variance
/// are those of the batch in training (the running variance is unbiased), the running ones in evaluation. `Rectified`
/// applies ReLU in the same pass. Training needs at least two pixels in all (InvalidArgument).
template <class ScalarType, class Normalisation = StandardNormalisation, bool Rectified = false,
          class KernelsType = DefaultKernels>
class BatchNorm {
  static constexpr bool standard = std::is_same_v<Normalisation, StandardNormalisation>;

 public:
  using Scalar = ScalarType;
  using Kernels = KernelsType;
  static constexpr bool backward_in_place = true;
  static constexpr Index name_slots = Rectified ? 2 : 1;

  explicit BatchNorm(Index channels)
      : channels_(channels),
        weight_(channels, 1),
        weight_gradient_(channels, 0),
        bias_(standard ? channels : 0, 0),
        bias_gradient_(standard ? channels : 0, 0),
        running_mean_(standard ? channels : 0, 0),
        running_spread_(channels, 1) {
    diffarch::detail::require(channels >= 1, "BatchNorm: ", channels, " channels; expected at least 1");
  }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    diffarch::detail::require(input.channels == channels_, "BatchNorm: input of shape ",
                              diffarch::detail::shape_text(input), " but the layer takes ", channels_, " channels");
    return input;
  }
  [[nodiscard]] static constexpr Interval input_interval(Interval output) { return output; }

  void plan(ImageShape input, Index samples) {
    static_cast<void>(output_shape(input));
    pixels_ = input.height * input.width * samples;
    kernel_.plan(channels_, pixels_);
  }
  [[nodiscard]] static constexpr Index workspace_size() { return 0; }

  void forward(const Scalar* x, Scalar* y, Index /*samples*/, Mode mode, Scalar* /*workspace*/) {
    if (mode == Mode::train) {
      diffarch::detail::require(pixels_ >= 2, "BatchNorm: a batch with ", pixels_,
                                " pixel in all; expected at least 2 in training");
      ++batches_;
    }
    kernel_.forward(x, y, mode, tensors());
  }

  void backward(const Scalar* x, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index /*samples*/,
                Scalar* /*workspace*/) {
    kernel_.backward(x, dy, dx, tensors());
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    if constexpr (standard) {
      visit(Parameter<Scalar>(detail::join(prefix, "weight"), {channels_}, weight_.span(), weight_gradient_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "bias"), {channels_}, bias_.span(), bias_gradient_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "running_mean"), {channels_}, running_mean_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "running_var"), {channels_}, running_spread_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "num_batches_tracked"), &batches_));
    } else {
      visit(Parameter<Scalar>(detail::join(prefix, "gammas"), {1, channels_, 1, 1}, weight_.span(),
                              weight_gradient_.span()));
      visit(Parameter<Scalar>(detail::join(prefix, "running_sd"), {1, channels_, 1, 1}, running_spread_.span()));
    }
  }

  /// Standard: weight 1, bias 0. Bias-free: gamma from N(0, (2/9/64)^2) within +-0.025, as the reference code.
  void initialise(Initialiser& initialiser) {
    Kernels::fill(running_spread_.data(), channels_, Scalar(1));
    if constexpr (standard) {
      Kernels::fill(weight_.data(), channels_, Scalar(1));
      Kernels::fill(bias_.data(), channels_, Scalar(0));
      Kernels::fill(running_mean_.data(), channels_, Scalar(0));
      batches_ = 0;
    } else {
      set_from_host<Kernels>(weight_.span(), [&](std::span<Scalar> values) {
        initialiser.clipped_normal(values, 2.0 / 9.0 / 64.0, 0.025);
      });
    }
  }

 private:
  using Buffer = typename Kernels::template Buffer<Scalar>;

  [[nodiscard]] detail::NormalisationTensors<Scalar> tensors() {
    return {weight_.data(),          bias_.data(),         running_mean_.data(), running_spread_.data(),
            weight_gradient_.data(), bias_gradient_.data()};
  }

  Index channels_;
  Buffer weight_;
  Buffer weight_gradient_;
  Buffer bias_;
  Buffer bias_gradient_;
  Buffer running_mean_;
  Buffer running_spread_;  // variance, or deviation when bias-free
  std::int64_t batches_ = 0;
  Index pixels_ = 0;
  typename Kernels::template BatchNorm<Scalar, Normalisation, Rectified> kernel_;
};

}  // namespace diffarch::nn
