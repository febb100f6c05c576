#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/diffarch.hpp"
#include "figure_report.hpp"

namespace figures {

/// One row of a figure of the linear family: what was generated, what theory predicts, and how they agree.
template <class Model>
struct LinearRow {
  using Scalar = typename Model::Scalar;
  Model model;
  diffarch::Batch<Scalar> shown;     ///< (d, samples), from the figure's common noise
  diffarch::Batch<Scalar> measured;  ///< (d, measured), fresh, for the statistics
  diffarch::PredictedDistribution prediction;
  diffarch::GaussianAgreement agreement;
};

/// Fits an architecture, samples from the given noise, draws fresh samples to measure, compares them with the predicted
/// finite-step distribution, prints the comparison, and adds it to the report under `row` (also the .npy file's name).
/// `training` is what is fitted; distances to the nearest training image are taken to `originals`.
template <class Scalar, diffarch::Architecture A, diffarch::Schedule S>
auto run_linear_row(const std::string& row, const A& architecture, const S& schedule,
                    const diffarch::Dataset<Scalar>& training, const diffarch::Dataset<Scalar>& originals,
                    const diffarch::Batch<Scalar>& noise, const FigureOptions& options, FigureReport& report) {
  using namespace diffarch;
  DiffusionSampler<A, S, Cpu, Ddim, Scalar> sampler{architecture, schedule};
  sampler.set_progress(ConsoleProgress{});
  sampler.fit(training);
  const auto& model = sampler.model();

  Batch<Scalar> shown = sampler.sample_from(noise);
  Batch<Scalar> measured = sampler.sample(options.measured, Seed{options.seed + 1});
  const PredictedDistribution prediction = predicted_distribution(model, schedule);
  const auto& finite = prediction.finite_steps;
  const GaussianAgreement agreement = gaussian_agreement(measured, finite.mean, model.basis(), finite.mode_variance);

  const NearestNeighbours neighbours = nearest_neighbours(originals.samples(), shown, 1);
  const double per_element = 1.0 / std::sqrt(static_cast<double>(model.dimension()));
  const Vector<double> distances = neighbours.distances.row(0).transpose() * per_element;

  const double data_variance = model.eigenvalues().sum();
  std::printf("%s: rank %ld\n", row.c_str(), static_cast<long>(model.rank()));
  std::printf("  total variance: data %.6g, predicted %.6g (%.3f of the data), measured / predicted %.4f\n",
              data_variance, finite.mode_variance.sum(), finite.mode_variance.sum() / data_variance,
              agreement.total_variance_ratio);
  std::printf(
      "  mode variances, measured / predicted: min %.3f, median %.3f, max %.3f; joint z = %+.2f, worst mode p = %.2g\n",
      agreement.variance_ratio.minCoeff(), median(agreement.variance_ratio), agreement.variance_ratio.maxCoeff(),
      agreement.variance_z, agreement.worst_mode_p_value);
  std::printf("  mean error: measured %.3g, expected from %ld samples %.3g (z = %+.2f)\n", agreement.mean_error,
              static_cast<long>(measured.cols()), agreement.expected_mean_error, agreement.mean_z);
  std::printf("  distance to the nearest training image (rms per value): min %.4f, median %.4f\n", distances.minCoeff(),
              median(distances));

  Json entry = {{"row", row}, {"architecture", architecture.name()}, {"rank", model.rank()}};
  entry["predicted"] = {{"total_variance", finite.mode_variance.sum()},
                        {"mode_variance", to_json(finite.mode_variance)},
                        {"mode_variance_continuous_limit", to_json(prediction.continuous_limit.mode_variance)},
                        {"mean_offset", to_json(finite.mean_offset)}};
  entry["data"] = {{"total_variance", data_variance}, {"mode_variance", to_json(model.eigenvalues())}};
  entry["measured"] = {{"samples", measured.cols()},
                       {"mean_error_rms", agreement.mean_error},
                       {"expected_mean_error_rms", agreement.expected_mean_error},
                       {"mean_z", agreement.mean_z},
                       {"total_variance_ratio_to_predicted", agreement.total_variance_ratio},
                       {"mode_variance_ratio_to_predicted", to_json(agreement.variance_ratio)},
                       {"variance_z", agreement.variance_z},
                       {"worst_mode_z", agreement.worst_mode_z},
                       {"worst_mode_p_value", agreement.worst_mode_p_value}};
  entry["nearest_training_image"] = {{"rms_distance", to_json(distances)},
                                     {"index", to_json(neighbours.indices.row(0))}};
  report["rows"].push_back(std::move(entry));
  if (options.save_npy) {
    const auto file = report.path(row + ".npy");
    write_npy_images(file, shown, training.shape());
    report.add_file(file);
  }
  using Model = std::remove_cvref_t<decltype(model)>;
  return LinearRow<Model>{model, std::move(shown), std::move(measured), prediction, agreement};
}

/// Records the common noise: how many samples there are, and, when --save-npy asks for it, its values.
template <class Scalar>
void record_noise(const diffarch::Batch<Scalar>& noise, const diffarch::ImageShape& shape, const FigureOptions& options,
                  FigureReport& report) {
  report["settings"]["samples"] = noise.cols();
  if (!options.save_npy) return;
  diffarch::write_npy_images(report.path("noise.npy"), noise, shape);
  report.add_file(report.path("noise.npy"));
}

/// A spectrum as a curve over the mode number 1, 2, ....
[[nodiscard]] inline diffarch::Series spectrum(const std::string& label, const diffarch::Vector<double>& variances,
                                               diffarch::SeriesStyle style, const std::string& colour = {}) {
  diffarch::Series series{.label = label, .x = {}, .y = {}, .style = style, .colour = colour};
  for (diffarch::Index mode = 0; mode < variances.size(); ++mode) {
    series.x.push_back(static_cast<double>(mode + 1));
    series.y.push_back(variances(mode));
  }
  return series;
}

}  // namespace figures
