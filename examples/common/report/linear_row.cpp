#include "common/report/linear_row.hpp"

#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "diffarch/analysis/median.hpp"
#include "diffarch/analysis/nearest_neighbours.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/schedule/describe.hpp"

namespace figures {

using namespace diffarch;

template <class Scalar>
void report_linear_row(const std::string& row, const std::string& architecture, const CosineSchedule& schedule,
                       const Dataset<Scalar>& originals, const FigureOptions& options, LinearRow<Scalar>& result,
                       FigureReport& report) {
  const auto& model = result.model;
  const Batch<Scalar>& shown = result.shown;
  const Batch<Scalar>& measured = result.measured;
  result.prediction = predicted_distribution(model, schedule);
  const auto& prediction = result.prediction;
  const auto& finite = prediction.finite_steps;
  result.agreement = gaussian_agreement(measured, finite.mean, model.basis(), finite.mode_variance);
  const GaussianAgreement& agreement = result.agreement;

  const NearestNeighbours neighbours = nearest_neighbours(originals.samples(), shown, 1);
  const double per_element = 1.0 / std::sqrt(static_cast<double>(model.dimension()));
  const Vector<double> distances = neighbours.distances.row(0).transpose() * per_element;

  const double data_variance = model.eigenvalues().sum();
  const double measured_mean_norm = LinearAlgebra<Cpu>::mean(measured).norm();
  std::printf("%s: rank %ld\n", row.c_str(), static_cast<long>(model.rank()));
  std::printf("  %s\n", describe(schedule, model).c_str());
  std::printf("  norm of the mean: data %.6g, predicted %.6g, measured %.6g\n", model.mean().norm(), finite.mean.norm(),
              measured_mean_norm);
  std::printf("  total variance: data %.6g, predicted %.6g (%.3f of the data), measured / predicted %.4f\n",
              data_variance, finite.mode_variance.sum(), finite.mode_variance.sum() / data_variance,
              agreement.total_variance_ratio);
  std::printf(
      "  variances of %zu modes, measured / predicted: min %.3f, median %.3f, max %.3f; joint z = %+.2f, worst mode p "
      "= %.2g\n",
      agreement.tested_modes.size(), agreement.variance_ratio.minCoeff(), median(agreement.variance_ratio),
      agreement.variance_ratio.maxCoeff(), agreement.variance_z, agreement.worst_mode_p_value);
  std::printf("  mean error: measured %.3g, expected from %ld samples %.3g (z = %+.2f)\n", agreement.mean_error,
              static_cast<long>(measured.cols()), agreement.expected_mean_error, agreement.mean_z);
  std::printf("  distance to the nearest training image (rms per value): min %.4f, median %.4f\n", distances.minCoeff(),
              median(distances));

  Json entry = {{"row", row}, {"architecture", architecture}, {"rank", model.rank()}};
  entry["predicted"] = {{"total_variance", finite.mode_variance.sum()},
                        {"mean_norm", finite.mean.norm()},
                        {"mode_variance", to_json(finite.mode_variance)},
                        {"mode_variance_continuous_limit", to_json(prediction.continuous_limit.mode_variance)},
                        {"mean_offset", to_json(finite.mean_offset)}};
  entry["data"] = {{"total_variance", data_variance},
                   {"mean_norm", model.mean().norm()},
                   {"mode_variance", to_json(model.eigenvalues())}};
  entry["measured"] = {{"samples", measured.cols()},
                       {"mean_norm", measured_mean_norm},
                       {"mean_error_rms", agreement.mean_error},
                       {"expected_mean_error_rms", agreement.expected_mean_error},
                       {"mean_z", agreement.mean_z},
                       {"total_variance_ratio_to_predicted", agreement.total_variance_ratio},
                       {"mode_variance", to_json(agreement.measured_variance)},
                       {"tested_modes", agreement.tested_modes},
                       {"tested_mode_variance_ratio_to_predicted", to_json(agreement.variance_ratio)},
                       {"variance_z", agreement.variance_z},
                       {"worst_mode_z", agreement.worst_mode_z},
                       {"worst_mode_p_value", agreement.worst_mode_p_value}};
  entry["nearest_training_image"] = {
      {"rms_distance", to_json(distances)},
      {"index", Json(std::vector<Index>(neighbours.indices.row(0).begin(), neighbours.indices.row(0).end()))}};
  report["rows"].push_back(std::move(entry));
  if (options.save_npy) {
    const auto file = report.path(row + ".npy");
    write_npy_images(file, shown, originals.shape());
    report.add_file(file);
  }
}

template <class Scalar>
void record_noise(const Batch<Scalar>& noise, const ImageShape& shape, const FigureOptions& options,
                  FigureReport& report) {
  report["settings"]["samples"] = noise.cols();
  if (!options.save_npy) return;
  write_npy_images(report.path("noise.npy"), noise, shape);
  report.add_file(report.path("noise.npy"));
}

template void report_linear_row(const std::string&, const std::string&, const CosineSchedule&, const Dataset<float>&,
                                const FigureOptions&, LinearRow<float>&, FigureReport&);
template void report_linear_row(const std::string&, const std::string&, const CosineSchedule&, const Dataset<double>&,
                                const FigureOptions&, LinearRow<double>&, FigureReport&);
template void record_noise(const Batch<float>&, const ImageShape&, const FigureOptions&, FigureReport&);
template void record_noise(const Batch<double>&, const ImageShape&, const FigureOptions&, FigureReport&);

}  // namespace figures
