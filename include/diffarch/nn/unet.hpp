#pragma once

#include <memory>
#include <string>

#include "diffarch/nn/layers/activation.hpp"
#include "diffarch/nn/layers/average_pool.hpp"
#include "diffarch/nn/layers/batch_norm.hpp"
#include "diffarch/nn/layers/convolution.hpp"
#include "diffarch/nn/layers/modulated.hpp"
#include "diffarch/nn/layers/receptive_field.hpp"
#include "diffarch/nn/layers/sequential.hpp"
#include "diffarch/nn/layers/skip_connection.hpp"
#include "diffarch/nn/layers/transposed_convolution.hpp"

namespace diffarch::nn {

/// Sizes of a U-Net that are values: networks with equally many pools are one type.
struct UNetOptions {
  Index channels = 32;               ///< at full resolution
  Padding padding = Padding::zeros;  ///< of all convolutions
  Index image_channels = 3;          ///< of the image it takes, and of the one it makes
  bool conditioned = false;          ///< whether it is told the noise level
};

/// U-Net: image -> image of the same shape, no activation at the end. With C channels at full resolution, level b of
/// `Pools` levels has 2^b C channels:
///   encoder b: 3x3 convolution, batch norm, ReLU, twice (level 0 has no batch norm after its first convolution);
///   2x2 average pooling; below the last level the middle block: the same twice with 2^Pools C channels;
///   upsample b: 2x2 transposed convolution, joined with the output of encoder b along the channels;
///   decoder b: 3x3 convolution, batch norm, ReLU, twice (at level 0 once, then a convolution to the image's channels).
/// Told the noise level, it scales and shifts the channels after each of these blocks but decoder 0, which ends in the
/// image (`Modulated`, tensors "encoder.0.level.weight"). No convolution has a bias. Tensor names and layouts are those
/// of the reference code's UNet ("encoder.0.3.weight").
///
/// Source: Levine and Weiss, "Diffusion models, denoiser architecture and creativity", appendix B, after Ronneberger,
/// Fischer, Brox, "U-Net", MICCAI 2015.
template <int Pools, class ScalarType = float, class Normalisation = StandardNormalisation,
          class KernelsType = DefaultKernels>
class UNet {
  static_assert(Pools >= 1, "diffarch: nn::UNet<Pools> needs Pools >= 1");

  using Convolve = Convolution<ScalarType, KernelsType>;
  using Normalise = BatchNorm<ScalarType, Normalisation, true, KernelsType>;
  using Rectify = ReLU<ScalarType, KernelsType>;
  using Pool = AveragePool<ScalarType, KernelsType>;
  using Upsample = TransposedConvolution<ScalarType, KernelsType>;
  using FirstBlock = Modulated<Sequential<Convolve, Rectify, Convolve, Normalise>>;
  using Block = Modulated<Sequential<Convolve, Normalise, Convolve, Normalise>>;
  using Levels = std::shared_ptr<BatchLevels<ScalarType, KernelsType>>;
  using LastBlock = Sequential<Convolve, Normalise, Convolve>;

  template <class Level>
  using SkipOver = SkipConnection<Sequential<Pool, Level, Upsample>>;

  /// A level and all below it: from the input of its encoder to the output of its decoder; with none below, the middle
  /// block. Sizes are values, so that levels with equally many below are one type in every network.
  template <int Below, class Middle = Block>
  struct LevelOf {
    using type = Sequential<Block, SkipOver<typename LevelOf<Below - 1, Middle>::type>, Block>;
  };
  template <class Middle>
  struct LevelOf<0, Middle> {
    using type = Middle;
  };
  using Body = Sequential<FirstBlock, SkipOver<typename LevelOf<Pools - 1>::type>, LastBlock>;

 public:
  using Scalar = ScalarType;
  using Kernels = KernelsType;

  /// InvalidArgument unless there is at least one channel, of the image too.
  explicit UNet(const UNetOptions& options = {})
      : image_channels_(options.image_channels),
        levels_(options.conditioned ? std::make_shared<BatchLevels<ScalarType, KernelsType>>() : nullptr),
        body_(make_body(options, levels_)) {}

  /// InvalidArgument unless height and width are multiples of 2^Pools and the channels are those of the network.
  [[nodiscard]] ImageShape output_shape(ImageShape input) const {
    constexpr Index step = Index{1} << Pools;
    diffarch::detail::require(input.channels == image_channels_, "UNet: image of ", diffarch::detail::shape_text(input),
                              " but the network was made for ", image_channels_, " channels");
    diffarch::detail::require(
        input.height >= step && input.width >= step && input.height % step == 0 && input.width % step == 0,
        "UNet: image of ", diffarch::detail::shape_text(input), " with ", Pools,
        " pools; expected a height and width divisible by ", step);
    return input;
  }
  [[nodiscard]] static constexpr Interval input_interval(Interval output) { return Body::input_interval(output); }

  /// Null when it is told no noise level.
  [[nodiscard]] const Levels& levels() const noexcept { return levels_; }

  void plan(ImageShape input, Index samples) { body_.plan(output_shape(input), samples); }
  [[nodiscard]] Index workspace_size() const { return body_.workspace_size(); }

  void forward(const Scalar* x, Scalar* y, Index samples, Mode mode, Scalar* workspace) {
    body_.forward(x, y, samples, mode, workspace);
  }
  void backward(const Scalar* x, const Scalar* y, Scalar* dy, Scalar* dx, Index samples, Scalar* workspace) {
    body_.backward(x, y, dy, dx, samples, workspace);
  }

  template <class Visit>
  void for_each_parameter(const std::string& prefix, const Visit& visit) {
    visit_level<0>(body_, prefix, visit);
  }

  void initialise(Initialiser& initialiser) { body_.initialise(initialiser); }

 private:
  template <int B, class Level, class Visit>
  static void visit_level(Level& level, const std::string& prefix, const Visit& visit) {
    if constexpr (B == Pools) {
      level.for_each_parameter(detail::join(prefix, "mid_block"), visit);
    } else {
      const std::string number = std::to_string(B);
      level.template get<0>().for_each_parameter(detail::join(prefix, "encoder." + number), visit);
      auto& below = level.template get<1>().inner();
      visit_level<B + 1>(below.template get<1>(), prefix, visit);
      below.template get<2>().for_each_parameter(detail::join(prefix, "upsample." + number), visit);
      level.template get<2>().for_each_parameter(detail::join(prefix, "decoder." + number), visit);
    }
  }

  [[nodiscard]] static Block make_block(Index in, Index out, Padding padding, const Levels& levels) {
    return Block(Sequential(Convolve(in, out, padding), Normalise(out), Convolve(out, out, padding), Normalise(out)),
                 levels, out);
  }

  /// Level B > 0, which has `width` channels.
  template <int B>
  [[nodiscard]] static auto make_level(Index width, Padding padding, const Levels& levels) {
    if constexpr (B == Pools)
      return make_block(width / 2, width, padding, levels);
    else
      return typename LevelOf<Pools - B>::type(make_block(width / 2, width, padding, levels),
                                               make_skip<B>(width, padding, levels),
                                               make_block(2 * width, width, padding, levels));
  }

  template <int B>
  [[nodiscard]] static auto make_skip(Index width, Padding padding, const Levels& levels) {
    return SkipConnection(
        Sequential(Pool(), make_level<B + 1>(2 * width, padding, levels), Upsample(2 * width, width)));
  }

  [[nodiscard]] static Body make_body(const UNetOptions& options, const Levels& levels) {
    const auto [width, padding, image_channels, conditioned] = options;
    diffarch::detail::require(image_channels >= 1 && width >= 1, "UNet: ", image_channels, " image channels and ",
                              width, " at full resolution; expected at least one of each");
    return Body(
        FirstBlock(Sequential(Convolve(image_channels, width, padding), Rectify(), Convolve(width, width, padding),
                              Normalise(width)),
                   levels, width),
        make_skip<0>(width, padding, levels),
        LastBlock(Convolve(2 * width, width, padding), Normalise(width), Convolve(width, image_channels, padding)));
  }

  Index image_channels_;
  Levels levels_;
  Body body_;
};

}  // namespace diffarch::nn
