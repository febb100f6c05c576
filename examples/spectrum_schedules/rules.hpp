#pragma once

#include <vector>

#include "common/report/figure_report.hpp"

namespace spectrum_schedules {

using namespace diffarch;

/// W2 that every rule leaves to a Gaussian with these eigenvalues, on three schedules, for each number of calls of the
/// denoiser: predicted, and measured from noise whose moments are exact in every mode. Prints a table, and adds a plot
/// and the rows "rules" to the report. Karras's levels and the optimal ones start from `sigma_T`.
void compare_rules(const Vector<double>& eigenvalues, const std::vector<Index>& calls, double sigma_T,
                   figures::FigureReport& report);

}  // namespace spectrum_schedules
