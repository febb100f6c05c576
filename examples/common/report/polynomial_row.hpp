#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/architectures/polynomial_levels.hpp"
#include "common/architectures/samplers.hpp"
#include "common/data/figure_data.hpp"
#include "common/report/figure_report.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace figures {

/// The options, data and noise that all rows of figures 7 and 8 share.
struct PolynomialSetting {
  const FigureOptions& options;
  diffarch::CosineSchedule schedule;
  const diffarch::Dataset<float>& training;
  const diffarch::Batch<float>& noise;  ///< x_T of the samples that are shown
  std::optional<double> clip = {};
  diffarch::Index measured = 0;  ///< samples drawn for the energy distance to the data; 0: none
};

/// The samples that a fitted architecture has generated.
struct PolynomialRun {
  double fit_seconds;
  diffarch::EscapeLog log;            ///< of the samples shown
  diffarch::Batch<float> shown = {};  ///< (d, samples)
  std::vector<PolynomialLevel> levels = {};
  diffarch::EscapeLog measured_log;      ///< of the samples measured
  diffarch::Batch<float> measured = {};  ///< (d, setting.measured), or empty
};

/// A row of figures 7 and 8.
struct PolynomialRow {
  diffarch::Batch<float> shown;             ///< (d, samples); escaped samples black
  diffarch::Batch<float> nearest;           ///< nearest training image of each
  std::vector<std::string> distances = {};  ///< its distance, one caption for each sample
};

/// Directions towards the training images (d, n) and in their span, for the diagnostics of polynomials.
[[nodiscard]] PolynomialProbes polynomial_probes(const diffarch::Batch<float>& images);

/// Measures what was generated, prints and adds to the report.
PolynomialRow report_polynomial_row(const std::string& name, const std::string& architecture, PolynomialRun run,
                                    const PolynomialSetting& setting, FigureReport& report);

/// Fits an architecture on the backend of --backend and samples with it: from the figure's noise, and fresh samples to
/// measure when there are to be at least 2.
template <class A>
[[nodiscard]] PolynomialRun run_polynomial(const A& architecture, const PolynomialSetting& setting) {
  const diffarch::Batch<float>& images = setting.training.samples();
  const auto start = std::chrono::steady_clock::now();
  auto sampler = fitted_sampler(setting.options.backend, architecture, images, setting.schedule.levels());
  const std::chrono::duration<double> fit_time = std::chrono::steady_clock::now() - start;
  if (setting.clip) sampler.set_clip(*setting.clip);
  PolynomialRun run{.fit_seconds = fit_time.count(), .log = escape_log(images), .measured_log = escape_log(images)};
  run.shown = sampler.sample_from(setting.noise, run.log);
  run.levels = on_backend(setting.options.backend, [&]<class B>(std::type_identity<B>) {
    return polynomial_levels_on<B, A>(sampler, [&images] { return polynomial_probes(images); });
  });
  if (setting.measured >= 2)
    run.measured = sampler.sample(setting.measured, diffarch::Seed{setting.options.seed + 1}, run.measured_log);
  return run;
}

/// Fits an architecture, samples from the given noise, and measures: escapes, sign of the leading form and curl (of
/// true polynomials), distances to the nearest two training images and their ratio. Prints and adds to the report.
template <class A>
PolynomialRow run_polynomial_row(const std::string& name, const A& architecture, const PolynomialSetting& setting,
                                 FigureReport& report) {
  return report_polynomial_row(name, architecture.name(), run_polynomial(architecture, setting), setting, report);
}

}  // namespace figures
