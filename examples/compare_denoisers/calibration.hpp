#pragma once

#include <vector>

#include "common/report/network_row.hpp"
#include "diffarch/denoiser/patch_posterior.hpp"

// What a patch posterior sees of a network's noise level: calibrated on trajectories of the network.

namespace figures {

/// A sampler of the patch posterior with a symmetry and a window for each noise level, fitted to the training images.
[[nodiscard]] diffarch::AnySampler<float> patch_sampler(const diffarch::PatchPosterior& symmetry,
                                                        const std::vector<diffarch::PatchWindow>& windows,
                                                        const NetworkSetting& setting);

/// What is tried. Sizes are odd, so that the pixel is in the middle, and finer where they are small; with the largest
/// every window sees the whole image.
struct WindowCandidates {
  std::vector<diffarch::Index> sizes;
  std::vector<double> temperatures = {1.0};
  std::vector<double> spreads = {};              ///< in widths of the window, beside boxes
  std::vector<double> temperature_factors = {};  ///< on the best temperature
};

/// Boxes at the temperature 1, as Kamb and Ganguli (2024) calibrate them.
[[nodiscard]] WindowCandidates boxes(diffarch::Index largest);

/// Boxes, windows whose pixels count less the farther they are from the middle, and temperatures.
[[nodiscard]] WindowCandidates windows_of_all_kinds(diffarch::Index largest);

/// For every noise level the window whose x0_hat has the largest median R^2 to the network's along `network`: first the
/// best box and temperature, then the best spread of windows of its size and of the next two larger ones. Of the boxes
/// alone and of all, those are taken whose own trajectories end closer to the network's.
[[nodiscard]] std::vector<diffarch::PatchWindow> calibrated_windows(const diffarch::PatchPosterior& symmetry,
                                                                    const diffarch::SampledTrajectory<float>& network,
                                                                    const WindowCandidates& candidates,
                                                                    const NetworkSetting& setting);

}  // namespace figures
