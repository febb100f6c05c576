#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/schedule/cosine.hpp"
#include "diffarch/solver/spectrum_levels.hpp"
#include "diffarch/solver/spectrum_loss.hpp"

namespace diffarch {

/// The N-step DDIM schedule made for the data at hand: of all schedules from sigma_T to 0 the one for which the
/// Gaussian that DDIM generates with the linear denoiser is nearest, in W2, to the Gaussian of the data
/// (`ddim_spectrum_w2`). DDIM loses cos^2 of each angle step in variance, in every mode about its own angle phi =
/// arctan(sigma / sqrt(lambda)); N equal steps in all of them at once are impossible, and the optimum spends its steps
/// where the variance is. One mode: sigma_k = sqrt(lambda) tan(equal angles), the cosine schedule scaled by
/// sqrt(lambda).
///
///   SpectrumOptimalSchedule schedule(model.eigenvalues(), 10);
///
/// sigma_T is given, not optimised: a smaller one saves angle, hence variance, but the mean of the samples misses the
/// mean of the data by about sqrt(lambda) / sigma_T of it along each mode. The default is that of `CosineSchedule`, so
/// that the two differ in the N - 1 sigmas between only. For data of zero mean a smaller sigma_T is worth trying.
/// Levels are variance preserving, the last one clean.
///
/// Computed when it is made, deterministically, by Newton's method on all log sigma from many starts (`search_levels`):
/// under 0.1 s for K = 1000 modes and N = 50, O(K N^2) per Newton step. That it is the best of all minima is not
/// proven; on 600 random spectra of two to four groups of modes up to 4.5 decades apart, where minima abound, neither
/// an exhaustive grid (N = 2, 3) nor thirty random starts (N = 6, 12) found a better one. Modes below 1e-14 of the
/// largest eigenvalue, zeros among them, are left out.
class SpectrumOptimalSchedule {
 public:
  /// `eigenvalues` (K): variances of the target along its modes, in any order. Throws InvalidArgument when there are
  /// none, when one is negative or not finite or all are zero, for steps < 1, and unless 0 < sigma_T < infinity.
  SpectrumOptimalSchedule(const Vector<double>& eigenvalues, Index steps, double sigma_T = default_sigma_T())
      : levels_(optimal_levels(eigenvalues, steps, sigma_T)), w2_(ddim_spectrum_w2(eigenvalues, levels_)) {}

  /// sigma_T of the cosine schedule of Nichol and Dhariwal, about 2.03e4.
  [[nodiscard]] static double default_sigma_T() { return CosineSchedule{.steps = 1}.levels().sigma_T(); }

  [[nodiscard]] std::string name() const { return "SpectrumOptimalSchedule"; }
  [[nodiscard]] NoiseLevels levels() const { return levels_; }
  /// The W2 distance that is left, `ddim_spectrum_w2` of these levels.
  [[nodiscard]] double w2() const noexcept { return w2_; }

 private:
  [[nodiscard]] static NoiseLevels optimal_levels(const Vector<double>& eigenvalues, Index steps, double sigma_T) {
    detail::require(eigenvalues.size() >= 1, "SpectrumOptimalSchedule: no eigenvalues");
    detail::require(steps >= 1, "SpectrumOptimalSchedule: steps = ", steps, ", expected at least 1");
    detail::require_memory<NoiseLevel>(1, steps, "SpectrumOptimalSchedule: the noise levels");
    detail::require(sigma_T > 0.0 && std::isfinite(sigma_T), "SpectrumOptimalSchedule: sigma_T = ", sigma_T,
                    ", expected a finite sigma_T > 0");
    std::vector<double> sorted;
    for (Index mode = 0; mode < eigenvalues.size(); ++mode) {
      detail::require(std::isfinite(eigenvalues(mode)) && eigenvalues(mode) >= 0.0,
                      "SpectrumOptimalSchedule: eigenvalue ", mode, " is ", eigenvalues(mode),
                      ", expected a finite value >= 0");
      sorted.push_back(eigenvalues(mode));
    }
    std::sort(sorted.begin(), sorted.end(), std::greater<>{});
    detail::require(sorted[0] > 0.0,
                    "SpectrumOptimalSchedule: every eigenvalue is zero, and every schedule generates that exactly; "
                    "expected one that is positive");
    detail::MergedSpectrum spectrum;
    for (const double lambda : sorted) {
      if (!(lambda > 1e-14 * sorted[0])) break;
      if (spectrum.eigenvalues.empty() || lambda != spectrum.eigenvalues.back()) {
        spectrum.eigenvalues.push_back(lambda);
        spectrum.variances.push_back(lambda);
      } else {
        spectrum.variances.back() += lambda;
      }
    }

    std::vector<NoiseLevel> levels;
    for (const double sigma : detail::spectrum_optimal_sigmas(spectrum, steps, sigma_T))
      levels.push_back(NoiseLevel::from_sigma(sigma).variance_preserving());
    levels.push_back(NoiseLevel{});
    return NoiseLevels(std::move(levels));
  }

  NoiseLevels levels_;
  double w2_;
};

}  // namespace diffarch
