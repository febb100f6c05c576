#pragma once

#include <string>
#include <vector>

#include "common/report/network_row.hpp"
#include "diffarch/denoiser/patch_posterior.hpp"

// What a patch posterior sees of a network's noise level: calibrated on trajectories of the network.

namespace figures {

/// A sampler of the patch posterior with a symmetry and a window for each noise level, or one for all, fitted to the
/// training images.
[[nodiscard]] diffarch::AnySampler<float> patch_sampler(const diffarch::PatchPosterior& symmetry,
                                                        const std::vector<diffarch::PatchWindow>& windows,
                                                        const NetworkSetting& setting);

/// For every noise level the box, at the temperature 1, whose x0_hat has the largest median R^2 to the network's, as
/// Kamb and Ganguli (2024) calibrate them.
[[nodiscard]] std::vector<diffarch::PatchWindow> calibrated_boxes(const diffarch::PatchPosterior& symmetry,
                                                                  const diffarch::SampledTrajectory<float>& network,
                                                                  const NetworkSetting& setting);

struct NamedSampler {
  std::string name;
  diffarch::AnySampler<float> sampler;
};

/// The patch posterior of a network as far as trajectories of the network calibrate it.
struct CalibratedPosterior {
  std::vector<diffarch::PatchWindow> windows;  ///< of each noise level, with the largest median R^2
  diffarch::AnySampler<float> posterior;       ///< with these windows
  diffarch::AnySampler<float> blend;           ///< of it, other denoisers, and posteriors with other windows
  std::vector<std::string> part_names;         ///< what the blend takes at one noise level or more
  diffarch::Matrix<double> weights;            ///< (parts, noise levels)
};

/// Tries boxes and windows whose pixels count less the farther they are from the middle, at several temperatures. The
/// blend takes at each level, by least squares, what predicts the network best of the posteriors with all of these
/// windows, of `others`, and for a circular network of the linear denoiser that commutes with its shifts.
[[nodiscard]] CalibratedPosterior calibrated_posterior(const diffarch::PatchPosterior& symmetry,
                                                       const diffarch::SampledTrajectory<float>& network,
                                                       const std::vector<NamedSampler>& others,
                                                       const NetworkSetting& setting);

}  // namespace figures
