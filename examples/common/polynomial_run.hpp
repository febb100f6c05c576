#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/patch_polynomial.hpp"
#include "diffarch/denoiser/spectral_features.hpp"
#include "diffarch/sampler/escape_log.hpp"
#include "diffarch/schedule/cosine.hpp"

// Polynomials of images on any backend, see backends.hpp. Defined in polynomial_run_impl.hpp, which lists what is
// instantiated: heavy templates, for Cpu in polynomial_run_random.cpp and polynomial_run_spectral.cpp, for Cuda in
// polynomial_run_cuda.cu.

namespace figures {

/// Where the diagnostics of all models look.
struct PolynomialProbes {
  diffarch::Matrix<double> theta;       ///< unit directions: towards training images, and random ones in their span
  diffarch::Matrix<double> directions;  ///< orthonormal, for the Jacobian
  diffarch::Batch<float> clean;         ///< images to which noise is added ...
  diffarch::Batch<float> noise;         ///< ... and the noise
};

/// What is asked of an architecture.
struct PolynomialTask {
  diffarch::CosineSchedule schedule;
  const diffarch::Batch<float>& images;  ///< to be fitted
  const diffarch::Batch<float>& noise;   ///< x_T of the samples that are shown
  std::optional<double> clip;
  diffarch::Index measured;  ///< fresh samples, drawn when there are at least 2
  diffarch::Seed measured_seed;
  diffarch::EscapeLog log;                   ///< empty, with the limit
  std::function<PolynomialProbes()> probes;  ///< asked for by true polynomials only
};

/// Diagnostics of a true polynomial at one noise level.
struct PolynomialLevel {
  double sigma;
  double leading_form_positive_fraction;
  double curl_asymmetry;
  std::optional<double> condition = {};
};

/// What a fitted architecture has generated.
struct PolynomialRun {
  double fit_seconds;
  diffarch::EscapeLog log;            ///< of the samples shown
  diffarch::Batch<float> shown = {};  ///< (d, samples)
  std::vector<PolynomialLevel> levels = {};
  diffarch::EscapeLog measured_log;      ///< of the samples measured
  diffarch::Batch<float> measured = {};  ///< (d, task.measured), or empty
};

/// Fits an architecture on backend B and samples with it.
template <class B, class Architecture>
[[nodiscard]] PolynomialRun run_polynomial(const Architecture& architecture, const PolynomialTask& task);

}  // namespace figures
