#include "common/report/polynomial_row.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "diffarch/analysis/distinct_samples.hpp"
#include "diffarch/analysis/energy_distance.hpp"
#include "diffarch/analysis/nearest_neighbours.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/solver/principal_components.hpp"

namespace figures {

using namespace diffarch;

PolynomialProbes polynomial_probes(const Batch<float>& images) {
  const Index count = std::min<Index>(16, images.cols());
  const Vector<float> mean = images.rowwise().mean();
  const Matrix<double> centred = (images.colwise() - mean).template cast<double>();
  PolynomialProbes probes;
  Matrix<double>& theta = probes.theta;
  theta.resize(images.rows(), 4 * count);
  theta.leftCols(2 * count) = centred.leftCols(count).replicate(1, 2);
  theta.middleCols(count, count) *= -1.0;
  theta.rightCols(2 * count) = centred * normal_batch<double>(images.cols(), 2 * count, Seed{1}, Stream{1U << 16U});
  theta.colwise().normalize();
  probes.directions = Eigen::HouseholderQR<Matrix<double>>(theta.rightCols(count)).householderQ() *
                      Matrix<double>::Identity(images.rows(), count);
  probes.clean = images.leftCols(std::min<Index>(4, images.cols()));
  probes.noise = normal_batch<float>(images.rows(), probes.clean.cols(), Seed{2}, Stream{1U << 16U});
  return probes;
}

namespace {

Json to_json(const std::vector<PolynomialLevel>& levels) {
  Json list = Json::array();
  for (const PolynomialLevel& level : levels) {
    list.push_back({{"sigma", level.sigma},
                    {"leading_form_positive_fraction", level.leading_form_positive_fraction},
                    {"curl_asymmetry", level.curl_asymmetry}});
    if (level.condition) list.back()["condition"] = *level.condition;
  }
  return list;
}

/// Distances of the samples of a row, rms per value, to their nearest training images. Samples that escaped are left
/// out.
struct NearestImages {
  Index duplicates = 0;  ///< of the training images; distances are to distinct ones, or d1 / d2 would be 1
  Batch<float> images = {};
  std::vector<std::string> captions = {};
  std::vector<double> distances = {};
  std::vector<double> ratios = {};  ///< d1 / d2
  Json list = Json::array();
};

NearestImages nearest_images(const Batch<float>& images, const Batch<float>& shown, const EscapeLog& log) {
  const DistinctSamples distinct = distinct_samples(images);
  const Index wanted = std::min<Index>(2, static_cast<Index>(distinct.indices.size()));
  const NearestNeighbours neighbours = nearest_neighbours(images(Eigen::all, distinct.indices), shown, wanted);
  const double per_value = 1.0 / std::sqrt(static_cast<double>(images.rows()));
  NearestImages nearest{.duplicates = distinct.duplicates()};
  nearest.images.resize(images.rows(), shown.cols());
  for (Index i = 0; i < shown.cols(); ++i) {
    if (log.has_escaped(i)) {
      nearest.images.col(i).setConstant(-1.0F);
      nearest.captions.emplace_back("escaped");
      continue;
    }
    const Index index = distinct.indices[static_cast<std::size_t>(neighbours.indices(0, i))];
    const double distance = neighbours.distances(0, i) * per_value;
    const double ratio = neighbours.distances(0, i) / neighbours.distances(wanted - 1, i);
    nearest.images.col(i) = images.col(index);
    char caption[64];
    std::snprintf(caption, sizeof caption, "%.3f %.2f", distance, ratio);
    nearest.captions.emplace_back(caption);
    nearest.distances.push_back(distance);
    nearest.ratios.push_back(ratio);
    nearest.list.push_back({{"sample", i}, {"index", index}, {"rms_distance", distance}, {"d1_over_d2", ratio}});
  }
  return nearest;
}

/// Prints what a row has generated.
void print_row(const std::string& name, const std::string& architecture, const PolynomialRun& run,
               const NearestImages& nearest, Index training_images) {
  const std::vector<Escape>& escapes = run.log.escapes();
  std::printf("%s: %s, fit %.1f s\n  escaped %.3f of %ld", name.c_str(), architecture.c_str(), run.fit_seconds,
              static_cast<double>(escapes.size()) / static_cast<double>(run.shown.cols()),
              static_cast<long>(run.shown.cols()));
  if (!escapes.empty()) std::printf(", first at sigma = %.3g", escapes.front().sigma);
  std::printf("\n");
  if (!nearest.ratios.empty()) {
    std::vector<double> ratios = nearest.ratios;
    std::vector<double> distances = nearest.distances;
    std::sort(ratios.begin(), ratios.end());
    std::sort(distances.begin(), distances.end());
    std::printf(
        "  nearest training image (rms per value): min %.4f, median %.4f; d1 / d2: min %.3f, median %.3f, max %.3f\n",
        distances.front(), distances[distances.size() / 2], ratios.front(), ratios[ratios.size() / 2], ratios.back());
  }
  if (nearest.duplicates > 0)
    std::printf("  %ld of %ld training images are duplicates; d1 and d2 are distances to distinct ones\n",
                static_cast<long>(nearest.duplicates), static_cast<long>(training_images));
  for (const PolynomialLevel& level : run.levels)
    std::printf("  sigma %-8.3g leading form positive in %.2f of the directions, curl %.2g\n", level.sigma,
                level.leading_form_positive_fraction, level.curl_asymmetry);
}

/// Measures how far fresh samples are from the data, prints it, and returns it.
Json measure_fresh_samples(const Batch<float>& images, const Batch<float>& drawn, const EscapeLog& log) {
  std::vector<Index> kept;
  for (Index i = 0; i < drawn.cols(); ++i)
    if (!log.has_escaped(i)) kept.push_back(i);
  Json entry = {{"samples", drawn.cols()}, {"escaped", log.escapes().size()}};
  if (kept.size() < 2) return entry;
  const auto modes =
      principal_components<Cpu>(images, Centring::mean, [](Index rank) { return std::min<Index>(rank, 100); });
  const auto project = [&](const Batch<float>& batch) {
    return Matrix<double>(LinearAlgebra<Cpu>::multiply_transposed(
                              modes.basis, Batch<float>(batch.colwise() - modes.mean.template cast<float>()))
                              .template cast<double>());
  };
  const Batch<float> inside = drawn(Eigen::all, kept);
  const Matrix<double> x = project(images);
  const Matrix<double> y = project(inside);
  const Index leading = std::min<Index>(20, x.rows());
  const double energy_20 = energy_distance(x.topRows(leading), y.topRows(leading));
  const double energy_100 = energy_distance(x, y);
  const double per_value = 1.0 / std::sqrt(static_cast<double>(images.rows()));
  const double nearest = nearest_neighbours(images, inside, 1).distances.mean() * per_value;
  entry["energy_distance_20_modes"] = energy_20;
  entry["energy_distance_100_modes"] = energy_100;
  entry["mean_rms_distance_to_nearest"] = nearest;
  std::printf(
      "  %ld fresh samples: escaped %zu, energy distance to the data %.3f (20 modes), %.3f (100), mean distance to "
      "the nearest training image %.4f\n",
      static_cast<long>(drawn.cols()), log.escapes().size(), energy_20, energy_100, nearest);
  return entry;
}

}  // namespace

PolynomialRow report_polynomial_row(const std::string& name, const std::string& architecture, PolynomialRun run,
                                    const PolynomialSetting& setting, FigureReport& report) {
  const Batch<float>& images = setting.training.samples();
  const EscapeLog& log = run.log;
  for (const Escape& escape : log.escapes()) run.shown.col(escape.sample).setConstant(-1.0F);  // black
  NearestImages nearest = nearest_images(images, run.shown, log);
  print_row(name, architecture, run, nearest, images.cols());
  Json entry = {{"row", name},
                {"architecture", architecture},
                {"clip", setting.clip ? Json(*setting.clip) : Json("off")},
                {"escape_limit_rms", log.limit()},
                {"escaped_fraction", static_cast<double>(log.escapes().size()) / static_cast<double>(run.shown.cols())},
                {"escapes", to_json(log.escapes())},
                {"nearest_training_image", std::move(nearest.list)},
                {"duplicate_training_images", nearest.duplicates}};
  if (!run.levels.empty()) entry["levels"] = to_json(run.levels);
  if (setting.measured >= 2) entry["measured"] = measure_fresh_samples(images, run.measured, run.measured_log);
  report["rows"].push_back(std::move(entry));
  if (setting.options.save_npy) {
    const auto file = report.path(name + ".npy");
    write_npy_images(file, run.shown, setting.training.shape());
    report.add_file(file);
  }
  return {std::move(run.shown), std::move(nearest.images), std::move(nearest.captions)};
}

}  // namespace figures
