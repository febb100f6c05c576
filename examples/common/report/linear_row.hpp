#pragma once

#include <string>
#include <utility>

#include "common/architectures/samplers.hpp"
#include "common/report/figure_report.hpp"
#include "diffarch/analysis/gaussian_agreement.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"

// report_linear_row and record_noise are defined for float and double.

namespace figures {

/// One row of a figure of the linear family: what was generated, what theory predicts, and how they agree.
template <class Scalar>
struct LinearRow {
  diffarch::AnySampler<Scalar> sampler;
  diffarch::GaussianDenoiser<diffarch::Cpu, Scalar> model;  ///< that of the sampler, on the host
  diffarch::Batch<Scalar> shown;                            ///< (d, samples), from the figure's common noise
  diffarch::Batch<Scalar> measured;                         ///< (d, measured), fresh, for the statistics
  diffarch::PredictedDistribution prediction = {};
  diffarch::GaussianAgreement agreement = {};
};

/// Predicts the distribution of the samples, compares, prints the comparison, and adds it to the report under `row`.
template <class Scalar>
void report_linear_row(const std::string& row, const std::string& architecture,
                       const diffarch::CosineSchedule& schedule, const diffarch::Dataset<Scalar>& originals,
                       const FigureOptions& options, LinearRow<Scalar>& result, FigureReport& report);

/// Fits an architecture on the backend of --backend, samples from the given noise, draws fresh samples to measure,
/// compares them with the predicted finite-step distribution, prints the comparison, and adds it to the report under
/// `row` (also the .npy file's name). `training` is what is fitted; distances to the nearest training image are taken
/// to `originals`.
template <class Scalar, class A>
LinearRow<Scalar> run_linear_row(const std::string& row, const A& architecture,
                                 const diffarch::CosineSchedule& schedule, const diffarch::Dataset<Scalar>& training,
                                 const diffarch::Dataset<Scalar>& originals, const diffarch::Batch<Scalar>& noise,
                                 const FigureOptions& options, FigureReport& report) {
  auto sampler = fitted_sampler(options.backend, architecture, training.samples(), schedule.levels());
  auto model = host_model(sampler);
  auto shown = sampler.sample_from(noise);
  auto measured = sampler.sample(options.measured, diffarch::Seed{options.seed + 1});
  LinearRow<Scalar> result{std::move(sampler), std::move(model), std::move(shown), std::move(measured)};
  report_linear_row(row, architecture.name(), schedule, originals, options, result, report);
  return result;
}

/// The rank of the covariance of training samples (d, n), found on the backend of --backend.
template <class Scalar>
[[nodiscard]] diffarch::Index covariance_rank(const std::string& backend, const diffarch::Batch<Scalar>& training) {
  const diffarch::NoiseLevels levels = diffarch::CosineSchedule{}.levels();  // one fit serves all levels
  return fitted_sampler(backend, diffarch::Linear{}, training, levels).spectrum()->eigenvalues.size();
}

/// Records the common noise: how many samples there are, and, when --save-npy asks for it, its values.
template <class Scalar>
void record_noise(const diffarch::Batch<Scalar>& noise, const diffarch::ImageShape& shape, const FigureOptions& options,
                  FigureReport& report);

/// A spectrum as a curve over the mode number 1, 2, ....
[[nodiscard]] diffarch::Series spectrum(const std::string& label, const diffarch::Vector<double>& variances,
                                        diffarch::SeriesStyle style);

}  // namespace figures
