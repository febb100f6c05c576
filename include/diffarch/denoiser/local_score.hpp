#pragma once

#include <string>
#include <vector>

#include "diffarch/denoiser/patch_posterior.hpp"

namespace diffarch {

/// The best denoiser that sees only a window around each pixel and knows where the window is (paper, Theorem 2; Kamb
/// and Ganguli 2024, "An analytic theory of creativity in convolutional diffusion models", the local score machine):
/// the `PatchPosterior` of patches at the same place. The prediction of a pixel p is the posterior mean over the
/// training patches at p,
///   D(y)_p = sum_i w_i x_i,p,   w_i ~ exp(-|y_W(p) - signal x_i,W(p)|^2 / (2 noise^2)),
/// W(p) the window centred on p; beyond the border everything is zero. So it depends on the training set through the
/// distribution of the patches at each location only, and a window that covers the image from every pixel (2 size - 1)
/// makes it `Ideal`.
struct LocalScore {
  ImageShape shape;  ///< of the images; required
  /// Window widths in pixels, noisiest level first; interpolated linearly between the entries when there are more or
  /// fewer steps. Empty: those of the paper's figure 8, scaled from 64 pixels to the shorter side.
  std::vector<Index> patch_sizes = {};

  [[nodiscard]] std::string name() const { return "LocalScore"; }
  /// The patches at the same place, zeros around the image.
  [[nodiscard]] PatchPosterior as_patch_posterior() const {
    return {.shape = shape, .period = PatchSymmetry::same_place, .patch_sizes = patch_sizes};
  }
};

/// The best denoiser that sees only a window around each pixel and does not know where the window is: a convolutional
/// network without pooling and with circular padding (Kamb and Ganguli 2024, the equivariant local score machine). As
/// LocalScore, but over the training patches of all locations, images continued periodically: the `PatchPosterior` of
/// circular images and period 1,
///   D(y)_p = sum_{i,q} w_iq x_i,q,   w_iq ~ exp(-|y_W(p) - signal x_i,W(q)|^2 / (2 noise^2)).
/// It commutes with every circular shift. Costs as much per shift as LocalScore in all: number of pixels times.
struct EquivariantLocalScore {
  ImageShape shape;                     ///< as in LocalScore
  std::vector<Index> patch_sizes = {};  ///< as in LocalScore; a window is at most the image

  [[nodiscard]] std::string name() const { return "EquivariantLocalScore"; }
  /// The patches at every place of circular images.
  [[nodiscard]] PatchPosterior as_patch_posterior() const {
    return {.shape = shape, .border = Padding::circular, .patch_sizes = patch_sizes};
  }
};

static_assert(Architecture<LocalScore> && Architecture<EquivariantLocalScore>);

}  // namespace diffarch
