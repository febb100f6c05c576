#pragma once

#include <string>
#include <vector>

#include "common/report/figure_report.hpp"
#include "diffarch/core/dataset.hpp"

namespace spectrum_schedules {

using namespace diffarch;

/// Which models are compared, and how.
struct ModelOptions {
  std::vector<std::string> models = {};  ///< names of `model_names`
  Index samples = 200;
  double floor = 0.1;  ///< standard deviation of the noise that blurs the training set of "ideal_floor"
};

[[nodiscard]] std::vector<std::string> model_names();

/// What the levels that are optimal for the spectrum of the data are worth for denoisers that are not linear. Samples
/// of rules on several schedules, from the same noise, are compared with samples of the same model by many steps of
/// Heun: root mean square of their difference per element, and energy distance to many-step samples from other noise.
/// Prints a table, and adds a plot and the rows "models" to the report.
template <class Scalar>
void compare_models(const Dataset<Scalar>& images, const Vector<double>& eigenvalues, const std::vector<Index>& calls,
                    double sigma_T, const ModelOptions& options, std::uint64_t seed, figures::FigureReport& report);

}  // namespace spectrum_schedules
