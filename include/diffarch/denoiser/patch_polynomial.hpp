#pragma once

#include <string>

#include "diffarch/denoiser/patch_schedule.hpp"
#include "diffarch/denoiser/random_features.hpp"

namespace diffarch {

/// A local polynomial denoiser (paper, figure 8): every pixel is predicted from a window around it by its own
/// polynomial of degree Degree in random features of the window, fitted by least squares; windows shrink as the noise
/// falls. It knows the joint distribution of the window only: far parts of an image do not know of each other at low
/// noise.
///
/// Pixels whose windows coincide at the border share a fit, so a level of window width S has (height - S + 1)
/// (width - S + 1) distinct fits. All windows of a level share their random directions and, for SingleDraw and Legacy,
/// the noise in feature space; the reference code draws new ones for every pixel.
template <int Degree, class Averaging = ExactAverage>
struct PatchPolynomial {
  static_assert(Degree >= 1, "diffarch: PatchPolynomial<Degree> needs Degree >= 1; degree 0 is the mean of the data");
  static constexpr int degree = Degree;

  ImageShape shape;                     ///< of the images; required
  PatchSchedule patches = {};           ///< window widths and numbers of features by level
  bool bias = Averaging::default_bias;  ///< as in RandomFeatures
  Averaging averaging = {};
  Seed seed = {};           ///< of directions and biases
  bool keep_levels = true;  ///< false: fit every level again when it is needed, in the memory of one level

  [[nodiscard]] std::string name() const {
    return "PatchPolynomial<" + std::to_string(Degree) + ", " + averaging.name() + ">";
  }
};

static_assert(Architecture<PatchPolynomial<3>>);

}  // namespace diffarch
