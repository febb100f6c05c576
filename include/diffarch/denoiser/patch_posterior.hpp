#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <string>
#include <vector>

#include "diffarch/denoiser/patch_schedule.hpp"
#include "diffarch/denoiser/posterior/patch_posterior_denoiser.hpp"

namespace diffarch {

/// The best denoiser that sees only a window around each pixel, and knows no more of where the window is than a
/// convolutional network does. The prediction of a pixel p is a posterior mean over training patches,
///   D(y)_p = sum_{i, q} w_iq x_i,q,   w_iq ~ exp(-|y_W(p) - signal x_i,W(q)|^2 / (2 temperature noise^2)),
/// W(p) the window centred on p, whose pixels may count less the farther they are from p, over the training images i
/// and the places q that serve p (PatchSymmetry): along each axis q = p, or q = p modulo the period and both windows
/// inside the image. The symmetry is that of a network:
///   zeros padding    shows a network how far the border is wherever its window reaches beyond the image (Kamb and
///                    Ganguli 2024, "An analytic theory of creativity in convolutional diffusion models", the
///                    boundary-broken equivariant local score machine);
///   circular padding shows it nothing (their equivariant local score machine);
///   P pools          of two pixels let it tell places apart that are not equal modulo 2^P: the period is 2^P.
/// `LocalScore` and `EquivariantLocalScore` are the two ends; `predictor_of` names the member for a `ConvUNet`.
///
/// A sample costs O(n values) times the number of shifts: (size / period)^2 of circular images; at most
/// (2 (size - window) / period + 1)^2, each on fewer pixels, with zeros around them.
struct PatchPosterior {
  ImageShape shape;                       ///< of the images; required
  Padding border = Padding::zeros;        ///< of the network
  Index period = 1;                       ///< in pixels; PatchSymmetry::same_place: each pixel has its own patches
  std::vector<Index> patch_sizes = {};    ///< as in LocalScore
  std::vector<double> spreads = {};       ///< see PatchWindow; in widths of the window, as patch_sizes; empty: infinity
  std::vector<double> temperatures = {};  ///< factors on noise^2, noisiest level first, as patch_sizes; empty: 1

  [[nodiscard]] std::string name() const {
    const bool is_same_place = period >= std::max(shape.height, shape.width);
    return "PatchPosterior<" + std::string(border == Padding::circular ? "circular" : "zeros") + ", " +
           (is_same_place ? "same place" : std::to_string(period)) + ">";
  }
  [[nodiscard]] const PatchPosterior& as_patch_posterior() const noexcept { return *this; }
};

namespace detail {

/// One window for each step of a schedule.
[[nodiscard]] inline std::vector<PatchWindow> patch_windows(const PatchPosterior& architecture, Index steps) {
  std::vector<PatchWindow> windows;
  for (Index step = 0; step < steps; ++step) {
    PatchWindow window;
    window.size = architecture.patch_sizes.empty() ? PatchSchedule{}.patch_size(step, steps, architecture.shape)
                                                   : std::lround(value_at_step(architecture.patch_sizes, step, steps));
    if (!architecture.spreads.empty()) window.spread = value_at_step(architecture.spreads, step, steps);
    if (!architecture.temperatures.empty()) window.temperature = value_at_step(architecture.temperatures, step, steps);
    windows.push_back(window);
  }
  return windows;
}

}  // namespace detail

/// A policy that is a member of the family: its `as_patch_posterior()` says which.
template <class A>
concept PatchPosteriorArchitecture = requires(const A& architecture) {
  { architecture.as_patch_posterior() } -> std::convertible_to<PatchPosterior>;
};

static_assert(Architecture<PatchPosterior>);

/// Returns the patch posterior, of images of `shape`, with the symmetry of a U-Net with `pools` poolings over 2 x 2
/// pixels and a padding: its border, and a period of 2^pools pixels, since such a network can tell places apart that
/// are not equal modulo 2^pools. `patch_sizes`, `spreads` and `temperatures` are left empty.
[[nodiscard]] inline PatchPosterior predictor_of_unet(const ImageShape& shape, int pools, Padding padding) {
  return {.shape = shape, .border = padding, .period = Index{1} << pools};
}

template <PatchPosteriorArchitecture A, class BackendType, class Scalar>
struct Fitter<A, BackendType, Scalar> {
  using Model = PatchPosteriorDenoiser<Scalar, BackendType>;

  /// Throws InvalidArgument for a patch size below 1, a temperature or a spread that is not positive, a period below 1
  /// or one that does not divide the sides of circular images; DimensionMismatch when data are not images of the shape.
  [[nodiscard]] static Model fit(const A& architecture, const Batch<Scalar>& data, const NoiseLevels& levels,
                                 const ProgressCallback& /*progress*/) {
    const PatchPosterior& family = architecture.as_patch_posterior();
    for (const Index size : family.patch_sizes)
      detail::require(size >= 1, architecture.name(), ": a patch size of ", size, " pixels, expected at least 1");
    for (const double temperature : family.temperatures)
      detail::require(temperature > 0.0, architecture.name(), ": a temperature of ", temperature,
                      ", expected a positive number");
    for (const double spread : family.spreads)
      detail::require(spread > 0.0, architecture.name(), ": a spread of ", spread,
                      " widths, expected a positive number");
    return Model(family.shape, {family.border, family.period}, detail::patch_windows(family, levels.steps()), data,
                 levels);
  }
};

}  // namespace diffarch
