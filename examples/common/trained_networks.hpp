#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "diffarch/denoiser/any_denoiser.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "network_row.hpp"

// The networks of the example programs, chosen at run time. Every network type is a translation unit's work:
// trained_*.cpp.

namespace figures {

/// A `ConvUNet` chosen at run time.
struct UNetChoice {
  int pools = 2;
  int channels = 32;
  diffarch::Padding padding = diffarch::Padding::zeros;
};

/// The profiles of programs that train U-Nets on images; figure 1 gives the reasons for `cpu`. One program can then use
/// the weights of another.
[[nodiscard]] TrainingProfiles unet_profiles();

/// Trains the networks of a U-Net (1 to 4 pools and 32 channels with zeros, 1 to 3 with circular padding, 2 or 3 pools
/// and 8 channels with zeros) under `name`, or takes them from --weights; `row` gets architecture, losses and receptive
/// field. No model where only training was asked for. Throws InvalidArgument for a U-Net that the programs do not have.
[[nodiscard]] std::optional<diffarch::AnyDenoiser<float>> trained_unet(const UNetChoice& choice,
                                                                       const std::string& name, NetworkSetting& setting,
                                                                       Json& row);

/// The same for `Bottleneck<H>` of images, H = 1000, 500 or 100.
[[nodiscard]] std::optional<diffarch::AnyDenoiser<float>> trained_bottleneck(int width, const std::string& name,
                                                                             NetworkSetting& setting, Json& row);

/// Width in pixels of the largest window that a pixel of x0_hat depends on.
template <int Pools, int Channels, diffarch::Padding padding>
[[nodiscard]] constexpr diffarch::Index receptive_width() {
  diffarch::Index width = 0;
  for (diffarch::Index pixel = 0; pixel < (diffarch::Index{1} << Pools); ++pixel) {
    const auto field = diffarch::nn::receptive_field<diffarch::nn::UNet<Pools, Channels, padding, float>>(pixel);
    width = std::max(width, field.last - field.first + 1);
  }
  return width;
}

/// One type of them.
template <int Pools, int Channels, diffarch::Padding padding>
std::optional<diffarch::AnyDenoiser<float>> train_unet(const std::string& name, NetworkSetting& setting, Json& row) {
  row["receptive_field"] = receptive_width<Pools, Channels, padding>();
  return trained_network(name,
                         diffarch::ConvUNet<Pools, Channels, padding>{setting.images.shape(), setting.network.training},
                         setting, row);
}

}  // namespace figures
