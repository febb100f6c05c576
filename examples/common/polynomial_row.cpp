#include "polynomial_row.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "diffarch/analysis/energy_distance.hpp"
#include "diffarch/analysis/nearest_neighbours.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/solver/principal_components.hpp"
#include "figure_data.hpp"

namespace figures {

using namespace diffarch;

namespace {

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

}  // namespace

PolynomialTask polynomial_task(const PolynomialSetting& setting) {
  const Batch<float>& images = setting.training.samples();
  return {.schedule = setting.schedule,
          .images = images,
          .noise = setting.noise,
          .clip = setting.clip,
          .measured = setting.measured,
          .measured_seed = Seed{setting.options.seed + 1},
          .log = escape_log(images),
          .probes = [&images] { return polynomial_probes(images); }};
}

PolynomialRow report_polynomial_row(const std::string& name, const std::string& architecture, PolynomialRun run,
                                    const PolynomialSetting& setting, FigureReport& report) {
  const Batch<float>& images = setting.training.samples();
  const EscapeLog& log = run.log;
  PolynomialRow row;
  row.shown = std::move(run.shown);

  // Escaped samples are shown black and left out of the distances.
  Json escapes = Json::array();
  for (const Escape& escape : log.escapes()) {
    escapes.push_back({{"sample", escape.sample}, {"step", escape.step}, {"sigma", escape.sigma}});
    row.shown.col(escape.sample).setConstant(-1.0F);
  }
  const auto count = static_cast<double>(row.shown.cols());
  const double fraction = static_cast<double>(log.escapes().size()) / count;
  // Distances are to distinct training images: of one that is there twice d1 / d2 would be 1.
  const DistinctSamples distinct = distinct_samples(images);
  const Index neighbours_wanted = std::min<Index>(2, static_cast<Index>(distinct.indices.size()));
  const NearestNeighbours neighbours =
      nearest_neighbours(images(Eigen::all, distinct.indices), row.shown, neighbours_wanted);
  const double per_value = 1.0 / std::sqrt(static_cast<double>(images.rows()));
  row.nearest.resize(images.rows(), row.shown.cols());
  Json nearest = Json::array();
  std::vector<double> kept_distances;
  std::vector<double> kept_ratios;
  for (Index i = 0; i < row.shown.cols(); ++i) {
    if (log.has_escaped(i)) {
      row.nearest.col(i).setConstant(-1.0F);
      row.distances.emplace_back("escaped");
      continue;
    }
    const Index index = distinct.indices[static_cast<std::size_t>(neighbours.indices(0, i))];
    const double distance = neighbours.distances(0, i) * per_value;
    const double ratio = neighbours.distances(0, i) / neighbours.distances(neighbours_wanted - 1, i);
    row.nearest.col(i) = images.col(index);
    char caption[64];
    std::snprintf(caption, sizeof caption, "%.3f %.2f", distance, ratio);
    row.distances.emplace_back(caption);
    kept_distances.push_back(distance);
    kept_ratios.push_back(ratio);
    nearest.push_back({{"sample", i}, {"index", index}, {"rms_distance", distance}, {"d1_over_d2", ratio}});
  }
  Json entry = {{"row", name},
                {"architecture", architecture},
                {"clip", setting.clip ? Json(*setting.clip) : Json("off")},
                {"escape_limit_rms", log.limit()},
                {"escaped_fraction", fraction},
                {"escapes", escapes},
                {"nearest_training_image", nearest},
                {"duplicate_training_images", distinct.duplicates()}};
  std::printf("%s: %s, fit %.1f s\n  escaped %.3f of %ld", name.c_str(), architecture.c_str(), run.fit_seconds,
              fraction, static_cast<long>(row.shown.cols()));
  if (!log.escapes().empty()) std::printf(", first at sigma = %.3g", log.escapes().front().sigma);
  std::printf("\n");
  if (!kept_ratios.empty()) {
    std::sort(kept_ratios.begin(), kept_ratios.end());
    std::sort(kept_distances.begin(), kept_distances.end());
    std::printf(
        "  nearest training image (rms per value): min %.4f, median %.4f; d1 / d2: min %.3f, median %.3f, max %.3f\n",
        kept_distances.front(), kept_distances[kept_distances.size() / 2], kept_ratios.front(),
        kept_ratios[kept_ratios.size() / 2], kept_ratios.back());
  }
  if (distinct.duplicates() > 0)
    std::printf("  %ld of %ld training images are duplicates; d1 and d2 are distances to distinct ones\n",
                static_cast<long>(distinct.duplicates()), static_cast<long>(images.cols()));
  if (!run.levels.empty()) {
    entry["levels"] = to_json(run.levels);
    for (const PolynomialLevel& level : run.levels)
      std::printf("  sigma %-8.3g leading form positive in %.2f of the directions, curl %.2g\n", level.sigma,
                  level.leading_form_positive_fraction, level.curl_asymmetry);
  }
  if (setting.measured >= 2) {
    const Batch<float>& drawn = run.measured;
    const EscapeLog& measured_log = run.measured_log;
    std::vector<Index> kept;
    for (Index i = 0; i < drawn.cols(); ++i)
      if (!measured_log.has_escaped(i)) kept.push_back(i);
    entry["measured"] = {{"samples", setting.measured}, {"escaped", measured_log.escapes().size()}};
    if (kept.size() >= 2) {
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
      const NearestNeighbours near = nearest_neighbours(images, inside, 1);
      entry["measured"]["energy_distance_20_modes"] = energy_distance(x.topRows(leading), y.topRows(leading));
      entry["measured"]["energy_distance_100_modes"] = energy_distance(x, y);
      entry["measured"]["mean_rms_distance_to_nearest"] = near.distances.mean() * per_value;
      std::printf(
          "  %ld fresh samples: escaped %zu, energy distance to the data %.3f (20 modes), %.3f (100), mean distance to "
          "the nearest training image %.4f\n",
          static_cast<long>(setting.measured), measured_log.escapes().size(),
          entry["measured"]["energy_distance_20_modes"].template get<double>(),
          entry["measured"]["energy_distance_100_modes"].template get<double>(),
          entry["measured"]["mean_rms_distance_to_nearest"].template get<double>());
    }
  }
  report["rows"].push_back(std::move(entry));
  if (setting.options.save_npy) {
    const auto file = report.path(name + ".npy");
    write_npy_images(file, row.shown, setting.training.shape());
    report.add_file(file);
  }
  return row;
}

}  // namespace figures
