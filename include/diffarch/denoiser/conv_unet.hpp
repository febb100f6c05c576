#pragma once

#include <string>

#include "diffarch/denoiser/network/network_training.hpp"
#include "diffarch/nn/unet.hpp"

namespace diffarch {

/// Trained convolutional U-Net (paper, figure 1; nn::UNet). What it generates depends on what a pixel of x0_hat can
/// see: with few pools a neighbourhood of the image (nn::receptive_field), with more the whole; circular padding hides
/// where in the image the neighbourhood is.
template <int Pools, int Channels = 32, Padding padding = Padding::zeros>
struct ConvUNet {
  static_assert(Pools >= 1 && Channels >= 1, "diffarch: ConvUNet<Pools, Channels> needs Pools >= 1 and Channels >= 1");

  ImageShape shape = {64, 64, 3};  ///< of the images; height and width divisible by 2^Pools
  TrainingOptions training = {};

  [[nodiscard]] std::string name() const {
    return "ConvUNet<" + std::to_string(Pools) + ", " + std::to_string(Channels) +
           (padding == Padding::circular ? ", circular>" : ">");
  }
};

static_assert(Architecture<ConvUNet<3>>);

/// Data: a batch (d, n) of images of the architecture's shape.
template <int Pools, int Channels, Padding padding, nn::NetworkBackend B, class Scalar>
struct Fitter<ConvUNet<Pools, Channels, padding>, B, Scalar> {
  using Kernels = typename nn::KernelsOf<B>::type;
  using Body = nn::UNet<Pools, Scalar, nn::StandardNormalisation, Kernels>;
  using Model = NetworkDenoiser<Body>;

  [[nodiscard]] static ImageShape input_shape(const ConvUNet<Pools, Channels, padding>& architecture, Index d) {
    const ImageShape& shape = architecture.shape;
    detail::require<DimensionMismatch>(d == shape.size(), "ConvUNet: the data have ", d,
                                       " values a sample, but an image of ", detail::shape_text(shape), " has ",
                                       shape.size(), " values; set ConvUNet::shape");
    return shape;
  }

  [[nodiscard]] static Body make_body(const ConvUNet<Pools, Channels, padding>& architecture, const ImageShape& shape) {
    nn::detail::mark_source_file<B>();
    return Body({.channels = Channels,
                 .padding = padding,
                 .image_channels = shape.channels,
                 .conditioned = are_conditioned(architecture.training)});
  }

  [[nodiscard]] static Model fit(const ConvUNet<Pools, Channels, padding>& architecture, const Batch<Scalar>& data,
                                 const NoiseLevels& levels, const ProgressCallback& progress) {
    return detail::train_model<B>(architecture, data, levels, progress);
  }
};

}  // namespace diffarch
