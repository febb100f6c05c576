#pragma once

#include <string>

#include "common/report/network_row.hpp"

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

/// Trains the networks of a U-Net of the table (architectures/table.hpp) under `name`, or takes them from --weights;
/// `row` gets architecture, losses and receptive field. No sampler where only training was asked for. Throws
/// InvalidArgument for a U-Net that the table does not have.
[[nodiscard]] std::optional<diffarch::AnySampler<float>> trained_unet(const UNetChoice& choice, const std::string& name,
                                                                      NetworkSetting& setting, Json& row);

/// Trains the networks of a `Bottleneck<H>` of images as `trained_unet` does those of a U-Net.
[[nodiscard]] std::optional<diffarch::AnySampler<float>> trained_bottleneck(int width, const std::string& name,
                                                                            NetworkSetting& setting, Json& row);

}  // namespace figures
