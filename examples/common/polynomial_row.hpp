#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diffarch/denoiser/any_denoiser.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/patch_polynomial.hpp"
#include "diffarch/denoiser/spectral_features.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "figure_report.hpp"

// Defined in polynomial_row_impl.hpp and instantiated, for float and the architectures of figures 7 and 8, in the
// polynomial_row_*.cpp files: these are heavy templates.

namespace figures {

/// What all rows of figures 7 and 8 share.
struct PolynomialSetting {
  const FigureOptions& options;
  diffarch::CosineSchedule schedule;
  const diffarch::Dataset<float>& training;
  const diffarch::Batch<float>& noise;  ///< x_T of the samples that are shown
  std::optional<double> clip = {};
  diffarch::Index measured = 0;  ///< samples drawn for the energy distance to the data; 0: none
};

struct PolynomialRow {
  diffarch::Batch<float> shown;             ///< (d, samples); escaped samples black
  diffarch::Batch<float> nearest;           ///< nearest training image of each
  std::vector<std::string> distances = {};  ///< its distance, one caption for each sample
};

/// Fits an architecture, samples from the given noise, and measures: escapes, sign of the leading form and curl (of
/// true polynomials), distances to the nearest two training images and their ratio. Prints and adds to the report.
template <class Architecture>
PolynomialRow run_polynomial_row(const std::string& name, const Architecture& architecture,
                                 const PolynomialSetting& setting, FigureReport& report);

/// One of these architectures behind one type, for programs that do not instantiate them: `Polynomial<3,
/// SpectralFeatures<Conservative>>` and `PatchPolynomial<3>`.
template <class Architecture>
[[nodiscard]] diffarch::AnyArchitecture<float> any_polynomial(const Architecture& architecture);

}  // namespace figures
