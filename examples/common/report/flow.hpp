#pragma once

// Levels for the flow of a likelihood, and log densities where there are any.

#include <cmath>
#include <optional>
#include <vector>

#include "diffarch/analysis/likelihood.hpp"

namespace figures {

/// Levels in equal steps of the flow's time -asinh(1 / sigma), from sigma_T (0: pure noise) to sigma_min, and the clean
/// one.
[[nodiscard]] inline diffarch::NoiseLevels flow_levels(double sigma_T, double sigma_min, diffarch::Index steps = 24) {
  const double start = sigma_T > 0.0 ? -std::asinh(1.0 / sigma_T) : 0.0;
  const double end = -std::asinh(1.0 / sigma_min);
  std::vector<diffarch::NoiseLevel> levels;
  for (diffarch::Index k = 0; k < steps; ++k) {
    const double time = start + (end - start) * static_cast<double>(k) / static_cast<double>(steps - 1);
    levels.push_back({std::tanh(-time), 1.0 / std::cosh(time)});
  }
  levels.push_back({});
  return diffarch::NoiseLevels(std::move(levels));
}

/// log densities of x (d, n) under what a model generates, none where the model generates nothing: there the flow
/// towards the noise runs away. Batches that hold such a point are halved.
template <diffarch::Denoiser Model>
[[nodiscard]] std::vector<std::optional<double>> log_densities(const Model& model, const diffarch::NoiseLevels& levels,
                                                               const diffarch::Batch<double>& x) {
  try {
    const diffarch::Vector<double> found = diffarch::log_likelihood(model, levels, x).log_density;
    return {found.begin(), found.end()};
  } catch (const diffarch::NumericalError&) {
    if (x.cols() == 1) return {std::nullopt};
  }
  const diffarch::Index half = x.cols() / 2;
  auto result = log_densities(model, levels, x.leftCols(half));
  const auto rest = log_densities(model, levels, x.rightCols(x.cols() - half));
  result.insert(result.end(), rest.begin(), rest.end());
  return result;
}

}  // namespace figures
