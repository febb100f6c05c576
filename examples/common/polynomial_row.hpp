#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends.hpp"
#include "figure_report.hpp"
#include "polynomial_run.hpp"

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

[[nodiscard]] PolynomialTask polynomial_task(const PolynomialSetting& setting);

/// Measures what was generated, prints and adds to the report.
PolynomialRow report_polynomial_row(const std::string& name, const std::string& architecture, PolynomialRun run,
                                    const PolynomialSetting& setting, FigureReport& report);

/// Fits an architecture on backend B, samples from the given noise, and measures: escapes, sign of the leading form and
/// curl (of true polynomials), distances to the nearest two training images and their ratio. Prints and adds to the
/// report.
template <class B, class Architecture>
PolynomialRow run_polynomial_row(const std::string& name, const Architecture& architecture,
                                 const PolynomialSetting& setting, FigureReport& report) {
  return report_polynomial_row(name, architecture.name(), run_polynomial<B>(architecture, polynomial_task(setting)),
                               setting, report);
}

}  // namespace figures
