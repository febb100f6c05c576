#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

/// y = (Inner(x), x), joined along the channels, Inner's first. Inner keeps height and width.
template <class Inner>
class SkipConnection {
  static_assert(Layer<Inner>, "diffarch: the inside of nn::SkipConnection must satisfy the concept nn::Layer");
  static_assert(!detail::backward_reads_output<Inner>, "diffarch: nn::SkipConnection does not keep Inner's output");

 public:
  using Scalar = typename Inner::Scalar;
  using Kernels = typename Inner::Kernels;

  explicit SkipConnection(Inner inner) : inner_(std::move(inner)) {}

  [[nodiscard]] Inner& inner() noexcept { return inner_; }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    const ImageShape inside = inner_.output_shape(input);
    diffarch::detail::require(inside.height == input.height && inside.width == input.width,
                              "SkipConnection: the inner layers give ", diffarch::detail::shape_text(inside), " for ",
                              diffarch::detail::shape_text(input), "; expected the same height and width");
    return {input.height, input.width, inside.channels + input.channels};
  }

  [[nodiscard]] static constexpr Interval input_interval(Interval output) {
    const Interval inside = Inner::input_interval(output);
    return {std::min(inside.first, output.first), std::max(inside.last, output.last)};
  }

  void plan(ImageShape input, Index samples) {
    input_channels_ = input.channels;
    inner_channels_ = output_shape(input).channels - input.channels;
    pixels_ = input.height * input.width * samples;
    inner_size_ = Buffer::aligned(pixels_ * inner_channels_);
    inner_.plan(input, samples);
  }
  [[nodiscard]] Index workspace_size() const { return inner_size_ + inner_.workspace_size(); }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode mode, Scalar* workspace) {
    inner_.forward(x, workspace, samples, mode, workspace + inner_size_);
    const Index channels = inner_channels_ + input_channels_;
    Kernels::copy_columns(workspace, inner_channels_, y, channels, inner_channels_, pixels_);
    Kernels::copy_columns(x, input_channels_, y + inner_channels_, channels, input_channels_, pixels_);
  }

  void backward(const Scalar* x, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index samples, Scalar* workspace) {
    const Index channels = inner_channels_ + input_channels_;
    Kernels::copy_columns(dy, channels, workspace, inner_channels_, inner_channels_, pixels_);
    inner_.backward(x, nullptr, workspace, dx, samples, workspace + inner_size_);
    if (dx != nullptr)
      Kernels::add_columns(dy + inner_channels_, channels, dx, input_channels_, input_channels_, pixels_);
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    inner_.for_each_parameter(prefix, visit);
  }
  void initialise(Initialiser& initialiser) { inner_.initialise(initialiser); }

 private:
  using Buffer = typename Kernels::template Buffer<Scalar>;

  Inner inner_;
  Index input_channels_ = 0;
  Index inner_channels_ = 0;
  Index pixels_ = 0;
  Index inner_size_ = 0;
};

}  // namespace diffarch::nn
