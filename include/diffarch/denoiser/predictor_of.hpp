#pragma once

#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/denoiser/patch_posterior.hpp"

namespace diffarch {

/// Returns the patch posterior that has the symmetry of a U-Net, for its images: the border of its padding, and a
/// period of 2^Pools pixels, since max pooling over 2 x 2 pixels lets the network tell places apart that are not equal
/// modulo 2^Pools. What the U-Net generates is predicted by it, pixel by pixel, as far as the window and the
/// temperature of each noise level are those of the network: `patch_sizes` and `temperatures` are left empty.
template <int Pools, int Channels, Padding padding>
[[nodiscard]] PatchPosterior predictor_of(const ConvUNet<Pools, Channels, padding>& network) {
  return predictor_of_unet(network.shape, Pools, padding);
}

}  // namespace diffarch
