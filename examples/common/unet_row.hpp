#pragma once

#include <string>

#include "diffarch/denoiser/conv_unet.hpp"
#include "network_row.hpp"

// The rows of figure 1. Every network type is a translation unit's work: unet_row_*.cpp.

namespace figures {

/// global: 4 pools for images of 64 pixels, 3 for smaller ones; default: one fewer; local: two fewer; few_channels and
/// circular: the default network with 8 instead of 32 channels, or with circular padding.
void run_unet_row(const std::string& row, bool is_large, NetworkFigure& figure);

/// One network of them, defined in unet_row_*.cpp.
template <int Pools, int Channels, diffarch::Padding padding>
void run_unet(const std::string& name, const std::string& label, NetworkFigure& figure) {
  using Architecture = diffarch::ConvUNet<Pools, Channels, padding>;
  run_network_row(name, label, Architecture{figure.images.shape(), figure.network.training}, figure);
}

}  // namespace figures
