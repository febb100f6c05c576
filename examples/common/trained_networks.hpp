#pragma once

#include <string>

#include "network_row.hpp"

// The networks of the example programs, chosen at run time.

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
[[nodiscard]] PlacedModelPointer<float> trained_unet(const UNetChoice& choice, const std::string& name,
                                                     NetworkSetting& setting, Json& row);

/// The same for `Bottleneck<H>` of images, H = 1000, 500 or 100.
[[nodiscard]] PlacedModelPointer<float> trained_bottleneck(int width, const std::string& name, NetworkSetting& setting,
                                                           Json& row);

}  // namespace figures
