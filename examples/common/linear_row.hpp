#pragma once

#include <string>

#include "diffarch/analysis/gaussian_agreement.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "figure_report.hpp"

// Defined for float and double, Linear and RankK, in figure_support_f32.cpp and figure_support_f64.cpp.

namespace figures {

/// One row of a figure of the linear family: what was generated, what theory predicts, and how they agree.
template <class Scalar>
struct LinearRow {
  diffarch::GaussianDenoiser<diffarch::Cpu, Scalar> model;
  diffarch::Batch<Scalar> shown;     ///< (d, samples), from the figure's common noise
  diffarch::Batch<Scalar> measured;  ///< (d, measured), fresh, for the statistics
  diffarch::PredictedDistribution prediction;
  diffarch::GaussianAgreement agreement;
};

/// Fits an architecture, samples from the given noise, draws fresh samples to measure, compares them with the predicted
/// finite-step distribution, prints the comparison, and adds it to the report under `row` (also the .npy file's name).
/// `training` is what is fitted; distances to the nearest training image are taken to `originals`.
template <class Scalar, class A>
LinearRow<Scalar> run_linear_row(const std::string& row, const A& architecture,
                                 const diffarch::CosineSchedule& schedule, const diffarch::Dataset<Scalar>& training,
                                 const diffarch::Dataset<Scalar>& originals, const diffarch::Batch<Scalar>& noise,
                                 const FigureOptions& options, FigureReport& report);

/// n samples of a fitted model of the linear family by DDIM.
template <class Scalar>
[[nodiscard]] diffarch::Batch<Scalar> sample_linear(const diffarch::GaussianDenoiser<diffarch::Cpu, Scalar>& model,
                                                    const diffarch::CosineSchedule& schedule, diffarch::Index n,
                                                    diffarch::Seed seed);

/// Records the common noise: how many samples there are, and, when --save-npy asks for it, its values.
template <class Scalar>
void record_noise(const diffarch::Batch<Scalar>& noise, const diffarch::ImageShape& shape, const FigureOptions& options,
                  FigureReport& report);

/// A spectrum as a curve over the mode number 1, 2, ....
[[nodiscard]] diffarch::Series spectrum(const std::string& label, const diffarch::Vector<double>& variances,
                                        diffarch::SeriesStyle style);

}  // namespace figures
