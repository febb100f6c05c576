#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/spectrum_w2.hpp"
#include "diffarch/solver/level_search.hpp"
#include "diffarch/solver/spectrum_levels.hpp"

namespace diffarch {

namespace detail {

/// The eigenvalues that matter, merged where they are equal. Throws InvalidArgument where all are zero.
[[nodiscard]] inline MergedSpectrum merged_spectrum(const Vector<double>& eigenvalues) {
  std::vector<double> sorted;
  for (const double lambda : eigenvalues) sorted.push_back(lambda);
  std::sort(sorted.begin(), sorted.end(), std::greater<>{});
  require(sorted[0] > 0.0,
          "SpectrumOptimalSchedule: every eigenvalue is zero, and every schedule generates that exactly; "
          "expected one that is positive");
  MergedSpectrum spectrum;
  for (const double lambda : sorted) {
    if (!(lambda > 1e-14 * sorted[0])) break;
    if (spectrum.eigenvalues.empty() || lambda != spectrum.eigenvalues.back()) {
      spectrum.eigenvalues.push_back(lambda);
      spectrum.variances.push_back(lambda);
    } else {
      spectrum.variances.back() += lambda;
    }
  }
  return spectrum;
}

/// Variance-preserving levels of sigmas that are above 0, and the clean level.
[[nodiscard]] inline NoiseLevels levels_down_to_zero(const std::vector<double>& sigmas) {
  std::vector<NoiseLevel> levels;
  for (const double sigma : sigmas) levels.push_back(NoiseLevel::from_sigma(sigma).variance_preserving());
  levels.push_back(NoiseLevel{});
  return NoiseLevels(std::move(levels));
}

/// sigma_T ... sigma_{N-1} of least W2 for any rule whose effect on a mode is computed.
template <class Rule>
[[nodiscard]] std::vector<double> spectrum_optimal_sigmas_of(const Rule& rule, const MergedSpectrum& spectrum,
                                                             Index steps, double sigma_T) {
  constexpr std::size_t bins = 96;
  const MergedSpectrum coarse = coarse_spectrum(spectrum, bins);
  const auto count = static_cast<Index>(coarse.eigenvalues.size());
  Vector<double> eigenvalues(count);
  for (Index i = 0; i < count; ++i) eigenvalues(i) = coarse.eigenvalues[static_cast<std::size_t>(i)];
  const double smallest_sigma = 1e-9 * std::sqrt(coarse.eigenvalues.back());
  const auto sigmas_of = [](std::vector<double> t) {
    for (double& value : t) value = std::exp(value);
    return t;
  };
  const auto errors = [&](const std::vector<double>& t) {
    std::vector<double> result;
    std::vector<double> sigmas = sigmas_of(t);
    if (!(sigmas.back() > smallest_sigma)) return result;
    const NoiseLevels levels = levels_down_to_zero(sigmas);
    const ModeOutcome outcome = mode_outcome(rule, eigenvalues, levels);
    for (Index i = 0; i < count; ++i) {
      const double deviation = std::sqrt(outcome.variance(i));
      // A mode that a deterministic rule turns round has the right variance, and samples that are mirrored.
      const double sign = !outcome.has_fresh_noise && outcome.gains(i) < 0.0 ? -1.0 : 1.0;
      result.push_back(std::sqrt(coarse.variances[static_cast<std::size_t>(i)]) *
                       (sign * deviation / std::sqrt(eigenvalues(i)) - 1.0));
    }
    return result;
  };
  std::vector<double> start = spectrum_optimal_sigmas(spectrum, steps, sigma_T);
  for (double& sigma : start) sigma = std::log(sigma);
  return sigmas_of(
      search_levels_of_rule(errors, std::sqrt(spectrum.quantile(0.5)), sigma_T, steps, {std::move(start)}));
}

}  // namespace detail

/// The N-step schedule made for the data and the rule at hand: of all schedules from sigma_T to 0 the one for which the
/// Gaussian that the rule generates with the linear denoiser is nearest, in W2, to the Gaussian of the data
/// (`spectrum_w2`).
///
///   SpectrumOptimalSchedule schedule(model.eigenvalues(), 10);                  // for DDIM
///   SpectrumOptimalSchedule schedule(model.eigenvalues(), 10, DpmSolver2M{});   // for any PredictableRule
///
/// DDIM loses cos^2 of each angle step in variance, in every mode about its own angle phi = arctan(sigma /
/// sqrt(lambda)); N equal steps in all of them at once are impossible, and the optimum spends its steps where the
/// variance is. One mode: sigma_k = sqrt(lambda) tan(equal angles), the cosine schedule scaled by sqrt(lambda). A rule
/// that extrapolates can also gain variance, and its N - 1 free levels can make the errors of many modes vanish
/// together.
///
/// sigma_T is given, not optimised: a smaller one saves steps, but the mean of the samples misses the mean of the data
/// by about sqrt(lambda) / sigma_T of it along each mode. The default is that of `CosineSchedule`, so that the two
/// differ in the N - 1 sigmas between only. For data of zero mean a smaller sigma_T is worth trying. Levels are
/// variance preserving, the last one clean.
///
/// Computed when it is made, deterministically. For DDIM by Newton's method on all log sigma from many starts: under
/// 0.1 s for K = 1000 modes and N = 50, O(K N^2) per Newton step. That it is the best of all minima is not proven; on
/// 600 random spectra of two to four groups of modes up to 4.5 decades apart, where minima abound, neither an
/// exhaustive grid (N = 2, 3) nor thirty random starts (N = 6, 12) found a better one. For other rules by the method of
/// Levenberg and Marquardt on a spectrum of at most 96 bins, from four starts: a good minimum, of which nothing is
/// proven. Modes below 1e-14 of the largest eigenvalue, zeros among them, are left out.
template <PredictableRule Rule = Ddim>
class SpectrumOptimalSchedule {
 public:
  /// `eigenvalues` (K): variances of the target along its modes, in any order. Throws InvalidArgument when there are
  /// none, when one is negative or not finite or all are zero, for steps < 1, and unless 0 < sigma_T < infinity.
  SpectrumOptimalSchedule(const Vector<double>& eigenvalues, Index steps, double sigma_T = default_sigma_T())
      : SpectrumOptimalSchedule(eigenvalues, steps, Rule{}, sigma_T) {}

  /// Makes the levels for `rule`, which must be the one that samples. Throws the same.
  SpectrumOptimalSchedule(const Vector<double>& eigenvalues, Index steps, const Rule& rule,
                          double sigma_T = default_sigma_T())
      : levels_(optimal_levels(eigenvalues, steps, rule, sigma_T)), w2_(spectrum_w2(rule, eigenvalues, levels_)) {}

  /// sigma_T of the cosine schedule of Nichol and Dhariwal, about 2.03e4.
  [[nodiscard]] static double default_sigma_T() { return CosineSchedule{.steps = 1}.levels().sigma_T(); }

  [[nodiscard]] std::string name() const { return "SpectrumOptimalSchedule"; }
  [[nodiscard]] NoiseLevels levels() const { return levels_; }
  /// The W2 distance that is left, `spectrum_w2` of these levels.
  [[nodiscard]] double w2() const noexcept { return w2_; }

 private:
  [[nodiscard]] static NoiseLevels optimal_levels(const Vector<double>& eigenvalues, Index steps, const Rule& rule,
                                                  double sigma_T) {
    detail::check_spectrum("SpectrumOptimalSchedule", eigenvalues);
    detail::require(steps >= 1, "SpectrumOptimalSchedule: steps = ", steps, ", expected at least 1");
    detail::require_memory<NoiseLevel>(1, steps, "SpectrumOptimalSchedule: the noise levels");
    detail::require(sigma_T > 0.0 && std::isfinite(sigma_T), "SpectrumOptimalSchedule: sigma_T = ", sigma_T,
                    ", expected a finite sigma_T > 0");
    const detail::MergedSpectrum spectrum = detail::merged_spectrum(eigenvalues);
    if constexpr (std::same_as<Rule, Ddim>)
      if (rule.eta == 0.0)
        return detail::levels_down_to_zero(detail::spectrum_optimal_sigmas(spectrum, steps, sigma_T));
    return detail::levels_down_to_zero(detail::spectrum_optimal_sigmas_of(rule, spectrum, steps, sigma_T));
  }

  NoiseLevels levels_;
  double w2_;
};

}  // namespace diffarch
