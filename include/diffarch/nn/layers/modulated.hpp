#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "diffarch/nn/kernels/level_features.hpp"
#include "diffarch/nn/layers/fully_connected.hpp"
#include "diffarch/nn/layers/layer.hpp"

namespace diffarch::nn {

/// Inner, and after it a scale and a shift of every channel that depend on the noise level of the sample (FiLM, Perez
/// et al. 2018): y = (1 + scale) Inner(x) + shift, where (scale, shift) = W `level_features` + b. Tensors: those of
/// Inner, "level.weight" (2 channels, level_feature_count), whose first half are the scales, and "level.bias" (2
/// channels). They start from 0, where y = Inner(x). A layer that was not given levels is Inner alone.
template <class Inner>
class Modulated {
  static_assert(Layer<Inner>, "diffarch: the inside of nn::Modulated must satisfy the concept nn::Layer");

 public:
  using Scalar = typename Inner::Scalar;
  using Kernels = typename Inner::Kernels;
  using Levels = std::shared_ptr<BatchLevels<Scalar, Kernels>>;
  static constexpr bool backward_reads_output = detail::backward_reads_output<Inner>;

  /// For outputs of `channels` channels; without `levels` there is no modulation.
  Modulated(Inner inner, Levels levels, Index channels) : inner_(std::move(inner)), levels_(std::move(levels)) {
    if (levels_ == nullptr) return;
    channels_ = channels;
    map_.emplace(level_feature_count, 2 * channels);
  }

  [[nodiscard]] Inner& inner() noexcept { return inner_; }
  [[nodiscard]] Index networks() const { return detail::networks_of(inner_); }
  /// Null without modulation.
  [[nodiscard]] const Levels& levels() const noexcept { return levels_; }

  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    const ImageShape output = inner_.output_shape(input);
    diffarch::detail::require(!map_ || output.channels == channels_, "Modulated: output of shape ",
                              diffarch::detail::shape_text(output), " but the layer was made for ", channels_,
                              " channels");
    return output;
  }
  [[nodiscard]] static constexpr Interval input_interval(Interval output) { return Inner::input_interval(output); }

  void plan(ImageShape input, Index samples) {
    inner_.plan(input, samples);
    if (!map_) return;
    const ImageShape output = output_shape(input);
    pixels_ = output.height * output.width;
    hidden_.resize(output.size() * samples);
    factors_.resize(2 * channels_ * samples);
    factors_gradient_.resize(2 * channels_ * samples);
    map_->plan({1, 1, level_feature_count}, samples);
  }
  [[nodiscard]] Index workspace_size() const {
    return map_ ? std::max<Index>(inner_.workspace_size(), map_->workspace_size()) : inner_.workspace_size();
  }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode mode, Scalar* workspace) {
    inner_.forward(x, map_ ? hidden_.data() : y, samples, mode, workspace);
    if (!map_) return;
    map_->forward(std::as_const(levels_->features).data(), factors_.data(), samples, mode, workspace);
    Kernels::modulate(hidden_.data(), factors_.data(), y, channels_, pixels_, samples);
  }

  void backward(const Scalar* x, const Scalar* y, Scalar* dy, Scalar* dx, Index samples, Scalar* workspace) {
    if (map_) {
      Kernels::modulate_backward(hidden_.data(), factors_.data(), dy, factors_gradient_.data(), channels_, pixels_,
                                 samples);
      map_->backward(std::as_const(levels_->features).data(), factors_.data(), factors_gradient_.data(), nullptr,
                     samples, workspace);
    }
    inner_.backward(x, map_ ? hidden_.data() : y, dy, dx, samples, workspace);
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    inner_.for_each_parameter(prefix, visit);
    if (map_) map_->for_each_parameter(detail::join(prefix, "level"), visit);
  }

  /// Takes no random numbers: Inner starts as without modulation.
  void initialise(Initialiser& initialiser) {
    inner_.initialise(initialiser);
    if (!map_) return;
    map_->for_each_parameter(std::string{}, [](const Parameter<Scalar>& parameter) {
      Kernels::fill(parameter.values.data(), static_cast<Index>(parameter.values.size()), Scalar(0));
    });
  }

 private:
  using Buffer = typename Kernels::template Buffer<Scalar>;

  Inner inner_;
  Levels levels_;
  Index channels_ = 0;
  Index pixels_ = 0;                                    ///< of one output
  std::optional<FullyConnected<Scalar, Kernels>> map_;  ///< features -> scales and shifts
  Buffer hidden_;                                       ///< Inner(x)
  Buffer factors_;                                      ///< (2 channels, samples): scales, then shifts
  Buffer factors_gradient_;
};

}  // namespace diffarch::nn
