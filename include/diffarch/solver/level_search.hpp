#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/solver/karras_sigmas.hpp"
#include "diffarch/solver/least_squares_search.hpp"
#include "diffarch/solver/spectrum_levels.hpp"

// The noise levels at which any rule does least harm to a spectrum. Where the rule is DDIM, `spectrum_optimal_sigmas`
// has its derivatives in closed form; here the rule is a function that returns errors.

namespace diffarch::detail {

/// log sigma of N levels from the logarithms of the N - 1 gaps between them, which keep the levels in order.
[[nodiscard]] inline std::vector<double> levels_of_gaps(double log_sigma_T, const std::vector<double>& log_gaps) {
  std::vector<double> t{log_sigma_T};
  for (const double log_gap : log_gaps) t.push_back(t.back() - smallest_gap - std::exp(log_gap));
  return t;
}

/// The inverse of `levels_of_gaps`.
[[nodiscard]] inline std::vector<double> gaps_of_levels(const std::vector<double>& t) {
  std::vector<double> log_gaps;
  for (std::size_t k = 1; k < t.size(); ++k)
    log_gaps.push_back(std::log(std::max(t[k - 1] - t[k] - smallest_gap, smallest_gap)));
  return log_gaps;
}

/// log sigma of Karras's levels from sigma_T to sigma_min, all above 0.
[[nodiscard]] inline std::vector<double> karras_levels(double sigma_min, double sigma_T, double rho, Index steps) {
  std::vector<double> t = karras_sigmas(sigma_min, sigma_T, rho, steps);
  for (double& value : t) value = std::log(value);
  return t;
}

/// Levels to search from: `others`, and of Karras's levels the best sigma_min of each of the three best rho.
template <class Loss>
[[nodiscard]] std::vector<std::vector<double>> first_levels(const Loss& loss, double deviation, double sigma_T,
                                                            Index steps, std::vector<std::vector<double>> others) {
  constexpr std::size_t kept = 3;
  std::vector<std::pair<double, std::vector<double>>> candidates;
  for (const double rho : {1.0, 2.0, 3.0, 5.0, 8.0, 15.0}) {
    candidates.emplace_back(std::numeric_limits<double>::infinity(), std::vector<double>{});
    for (double share = 0.1; share > 5e-6; share *= 0.4) {
      std::vector<double> t = karras_levels(std::min(share * deviation, 0.5 * sigma_T), sigma_T, rho, steps);
      if (const double found = loss(t); candidates.back().second.empty() || found < candidates.back().first)
        candidates.back() = {found, std::move(t)};
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < kept; ++i) others.push_back(std::move(candidates[i].second));
  return others;
}

/// log sigma of `steps` levels from sigma_T down of the least |errors|^2 that is found: the method of Levenberg and
/// Marquardt on the logarithms of the gaps, from the best of Karras's levels and from those of `others`. `errors(t)`
/// returns one value for each mode, or none where the levels t are not allowed. `deviation`: the square root of an
/// eigenvalue that matters. Many levels are found as few first.
template <class Errors>
[[nodiscard]] std::vector<double> search_levels_of_rule(const Errors& errors, double deviation, double sigma_T,
                                                        Index steps, std::vector<std::vector<double>> others) {
  constexpr Index few = 48;
  constexpr Index many = 128;
  constexpr int thorough = 60;
  constexpr int brief = 12;
  const double log_sigma_T = std::log(sigma_T);
  const auto loss = [&](const std::vector<double>& t) { return sum_of_squares(errors(t)); };
  if (steps > few)
    others.push_back(resample_levels(search_levels_of_rule(errors, deviation, sigma_T, few, {}), deviation, steps));
  std::vector<double> best;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& start : first_levels(loss, deviation, sigma_T, steps, std::move(others))) {
    std::vector<double> log_gaps = gaps_of_levels(start);
    const double found =
        minimise_squares([&](const std::vector<double>& gaps) { return errors(levels_of_gaps(log_sigma_T, gaps)); },
                         log_gaps, steps > many ? brief : thorough);
    if (best.empty() || found < least) {
      least = found;
      best = levels_of_gaps(log_sigma_T, log_gaps);
    }
  }
  return best;
}

}  // namespace diffarch::detail
