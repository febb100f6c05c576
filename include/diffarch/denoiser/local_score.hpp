#pragma once

#include <string>
#include <vector>

#include "diffarch/denoiser/patch_schedule.hpp"
#include "diffarch/denoiser/posterior/local_score_denoiser.hpp"

namespace diffarch {

/// The best denoiser that sees only a window around each pixel and knows where the window is (paper, Theorem 2; Kamb
/// and Ganguli 2024, "An analytic theory of creativity in convolutional diffusion models", the local score machine).
/// The prediction of a pixel p is the posterior mean over the training patches at p,
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
};

/// The best denoiser that sees only a window around each pixel and does not know where the window is: a convolutional
/// network without pooling and with circular padding (Kamb and Ganguli 2024, the equivariant local score machine). As
/// LocalScore, but over the training patches of all locations, images continued periodically:
///   D(y)_p = sum_{i,q} w_iq x_i,q,   w_iq ~ exp(-|y_W(p) - signal x_i,W(q)|^2 / (2 noise^2)).
/// It commutes with every circular shift. Costs as much per shift as LocalScore in all: number of pixels times.
struct EquivariantLocalScore {
  ImageShape shape;                     ///< as in LocalScore
  std::vector<Index> patch_sizes = {};  ///< as in LocalScore; a window is at most the image

  [[nodiscard]] std::string name() const { return "EquivariantLocalScore"; }
};

/// A policy whose prediction of a pixel is a posterior over training patches.
template <class A>
concept LocalScoreArchitecture = std::same_as<A, LocalScore> || std::same_as<A, EquivariantLocalScore>;

static_assert(Architecture<LocalScore> && Architecture<EquivariantLocalScore>);

template <LocalScoreArchitecture A, class BackendType, class Scalar>
struct Fitter<A, BackendType, Scalar> {
  using Model = LocalScoreDenoiser<std::same_as<A, LocalScore> ? PatchPooling::same_place : PatchPooling::all_shifts,
                                   Scalar, BackendType>;

  /// Throws InvalidArgument for a patch size below 1, DimensionMismatch when data are not images of the shape.
  [[nodiscard]] static Model fit(const A& architecture, const Batch<Scalar>& data, const NoiseLevels& levels,
                                 const ProgressCallback& /*progress*/) {
    std::vector<Index> sizes;
    for (const Index size : architecture.patch_sizes)
      detail::require(size >= 1, architecture.name(), ": a patch size of ", size, " pixels, expected at least 1");
    for (Index step = 0; step < levels.steps(); ++step)
      sizes.push_back(architecture.patch_sizes.empty()
                          ? PatchSchedule{}.patch_size(step, levels.steps(), architecture.shape)
                          : std::lround(detail::value_at_step(architecture.patch_sizes, step, levels.steps())));
    return Model(architecture.shape, std::move(sizes), data, levels);
  }
};

}  // namespace diffarch
