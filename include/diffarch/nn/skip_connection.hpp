#pragma once

#include <utility>

#include "diffarch/core/parallel.hpp"
#include "diffarch/nn/layer.hpp"

namespace diffarch::nn {

/// y = (Inner(x), x), joined along the channels, Inner's first. Inner keeps height and width.
template <class Inner>
class SkipConnection {
  static_assert(Layer<Inner>, "diffarch: the inside of nn::SkipConnection must satisfy the concept nn::Layer");
  static_assert(!detail::backward_reads_output<Inner>, "diffarch: nn::SkipConnection does not keep Inner's output");

 public:
  using Scalar = typename Inner::Scalar;

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
    row_ = input.width;
    rows_ = input.height * samples;
    inner_size_ = Buffer<Scalar>::aligned(rows_ * row_ * inner_channels_);
    inner_.plan(input, samples);
  }
  [[nodiscard]] Index workspace_size() const { return inner_size_ + inner_.workspace_size(); }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode mode, Scalar* workspace) {
    inner_.forward(x, workspace, samples, mode, workspace + inner_size_);
    for_each_pixel([&](Index pixel) {
      Scalar* const to = y + pixel * (inner_channels_ + input_channels_);
      std::copy_n(workspace + pixel * inner_channels_, inner_channels_, to);
      std::copy_n(x + pixel * input_channels_, input_channels_, to + inner_channels_);
    });
  }

  void backward(const Scalar* x, const Scalar* /*y*/, const Scalar* dy, Scalar* dx, Index samples, Scalar* workspace) {
    const Index channels = inner_channels_ + input_channels_;
    for_each_pixel(
        [&](Index pixel) { std::copy_n(dy + pixel * channels, inner_channels_, workspace + pixel * inner_channels_); });
    inner_.backward(x, nullptr, workspace, dx, samples, workspace + inner_size_);
    if (dx == nullptr) return;
    for_each_pixel([&](Index pixel) {
      const Scalar* const from = dy + pixel * channels + inner_channels_;
      Scalar* const to = dx + pixel * input_channels_;
      for (Index c = 0; c < input_channels_; ++c) to[c] += from[c];
    });
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    inner_.for_each_parameter(prefix, visit);
  }
  void initialise(Initialiser& initialiser) { inner_.initialise(initialiser); }

 private:
  template <class Body>
  void for_each_pixel(const Body& body) const {
    parallel_for(rows_, row_ * (inner_channels_ + input_channels_), [&](Index row) {
      for (Index pixel = row * row_; pixel < (row + 1) * row_; ++pixel) body(pixel);
    });
  }

  Inner inner_;
  Index input_channels_ = 0;
  Index inner_channels_ = 0;
  Index row_ = 0;
  Index rows_ = 0;
  Index inner_size_ = 0;
};

}  // namespace diffarch::nn
