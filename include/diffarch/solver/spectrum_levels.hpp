#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "diffarch/solver/shifted_solve.hpp"
#include "diffarch/solver/spectrum_loss.hpp"

// The noise levels that do least harm to a spectrum: the search for minima of `detail::SpectrumLoss`.

namespace diffarch {

namespace detail {

/// Newton's method with the exact Hessian, shifted where it is not positive definite, from t to a local minimum in
/// t_1 ... t_{N-1}. The order t_0 > t_1 > ... is kept by construction: no step takes more than nine tenths of a gap.
/// (Levels run into each other only where samples have too much variance, and losing it by long steps is an advantage.)
/// Returns the loss.
inline double minimise_spectrum_loss(const SpectrumLoss& loss, std::vector<double>& t) {
  constexpr int largest_number_of_steps = 300;
  constexpr double smallest_move = 1e-12;  // in log sigma
  constexpr double largest_shift = 1e12;
  const double negligible = 1e-28 * loss.total_weight();
  std::vector<double> gradient;
  std::vector<double> hessian;
  double shift = 0.0;  // relative to the largest diagonal element
  double value = loss.derivatives(t, gradient, hessian);
  const std::size_t n = gradient.size();
  for (int step = 0; n > 0 && step < largest_number_of_steps && value > negligible; ++step) {
    double largest = 0.0;
    for (std::size_t k = 0; k < n; ++k) largest = std::max(largest, std::abs(hessian[k * n + k]));
    std::vector<double> move = gradient;
    if (!solve_shifted(hessian, shift * largest, move)) {
      shift = std::max(1e-4, 4.0 * shift);
      continue;
    }
    double length = 1.0;
    for (std::size_t k = 0; k < n; ++k) {
      const double closing = (k > 0 ? move[k - 1] : 0.0) - move[k];  // t falls by length * move
      const double spare = t[k] - t[k + 1] - std::max(0.1 * (t[k] - t[k + 1]), smallest_gap);
      if (length * closing > spare) length = std::max(spare, 0.0) / closing;
    }
    if (length < smallest_move) {  // two levels want to be one, and the others are not free to move this way
      if (shift > largest_shift) break;
      shift = std::max(1e-4, 4.0 * shift);
      continue;
    }
    std::vector<double> candidate = t;
    double largest_move = 0.0;
    for (std::size_t k = 0; k < n; ++k) {
      candidate[k + 1] -= length * move[k];
      largest_move = std::max(largest_move, std::abs(length * move[k]));
    }
    const double candidate_value = loss.value(candidate);
    if (candidate_value <= value * (1.0 + 1e-13)) {  // rounding must not stop the last, quadratically small steps
      t = std::move(candidate);
      if (length == 1.0 && largest_move < smallest_move) break;
      value = loss.derivatives(t, gradient, hessian);
      shift = shift < 1e-8 ? 0.0 : 0.25 * shift;
    } else {
      if (shift > largest_shift) break;
      shift = std::max(1e-4, 4.0 * shift);
    }
  }
  return loss.value(t);
}

/// log sigma of `steps` levels whose angles arctan(sigma / deviation) are equally far apart: the exact optimum when all
/// of the variance is deviation^2.
[[nodiscard]] inline std::vector<double> equal_angles(double deviation, double sigma_T, Index steps) {
  std::vector<double> t{std::log(sigma_T)};
  const double angle = std::atan(sigma_T / deviation);
  for (Index k = 1; k < steps; ++k)
    t.push_back(std::log(deviation * std::tan(angle * static_cast<double>(steps - k) / static_cast<double>(steps))));
  return t;
}

/// Returns log sigma of `steps` levels that follow the course of the levels t: the angles arctan(sigma / deviation) are
/// interpolated linearly.
[[nodiscard]] inline std::vector<double> resample_levels(const std::vector<double>& t, double deviation, Index steps) {
  std::vector<double> angles;
  for (const double value : t) angles.push_back(std::atan(std::exp(value) / deviation));
  angles.push_back(0.0);
  std::vector<double> result{t.front()};
  for (Index k = 1; k < steps; ++k) {
    const double place = static_cast<double>(k) * static_cast<double>(t.size()) / static_cast<double>(steps);
    const auto lower = static_cast<std::size_t>(place);
    const double fraction = place - static_cast<double>(lower);
    const double angle = angles[lower] + fraction * (angles[lower + 1] - angles[lower]);
    result.push_back(std::log(deviation * std::tan(angle)));
  }
  return result;
}

/// Distinct eigenvalues > 0, decreasing, and the variance that the modes of each hold together.
struct MergedSpectrum {
  std::vector<double> eigenvalues;
  std::vector<double> variances;

  /// The eigenvalue at which the modes from the largest down to it hold a given share of all variance.
  [[nodiscard]] double quantile(double share) const {
    double total = 0.0;
    for (const double variance : variances) total += variance;
    std::size_t i = 0;
    for (double above = variances[0]; i + 1 < variances.size() && above < share * total;) above += variances[++i];
    return eigenvalues[i];
  }
};

/// The spectrum in at most `bins` bins of equal width in log lambda, each at its mean weighted by variance.
[[nodiscard]] inline MergedSpectrum coarse_spectrum(const MergedSpectrum& spectrum, std::size_t bins) {
  if (spectrum.eigenvalues.size() <= bins) return spectrum;
  const double width = std::log(spectrum.eigenvalues.front() / spectrum.eigenvalues.back()) / static_cast<double>(bins);
  MergedSpectrum coarse;
  std::size_t last_bin = bins;
  for (std::size_t i = 0; i < spectrum.eigenvalues.size(); ++i) {
    const double lambda = spectrum.eigenvalues[i];
    const double variance = spectrum.variances[i];
    const auto bin =
        std::min(bins - 1, static_cast<std::size_t>(std::log(spectrum.eigenvalues.front() / lambda) / width));
    if (bin != last_bin) {
      coarse.eigenvalues.push_back(0.0);
      coarse.variances.push_back(0.0);
    }
    last_bin = bin;
    coarse.eigenvalues.back() += variance * lambda;
    coarse.variances.back() += variance;
  }
  for (std::size_t i = 0; i < coarse.eigenvalues.size(); ++i) coarse.eigenvalues[i] /= coarse.variances[i];
  return coarse;
}

/// Levels of least loss among many local minima: Newton's method from equal angles about modes from the largest to the
/// least that matter, and from few levels grown one by one, each where it helps most. Then, as long as it helps, a
/// level is taken out and put in again where it helps most. Spectra of images have one minimum; spectra of a few widely
/// separated groups of modes have many, since a group can be given up for another.
[[nodiscard]] inline std::vector<double> search_levels(const MergedSpectrum& spectrum, Index steps, double sigma_T) {
  constexpr std::size_t gaps = 4;  // in which a level is tried
  constexpr double worth_taking = 1.0 - 1e-9;
  const SpectrumLoss loss(spectrum.eigenvalues, spectrum.variances, sigma_T);
  std::vector<double> best{std::log(sigma_T)};
  double best_loss = loss.value(best);
  const auto improve = [&](std::vector<double> t) {
    const double found = minimise_spectrum_loss(loss, t);
    if (!(found < best_loss * worth_taking)) return false;
    best_loss = found;
    best = std::move(t);
    return true;
  };
  while (static_cast<Index>(best.size()) < steps) {
    const auto insertions = loss.best_insertions(best, gaps);
    best = insertions.front();
    best_loss = minimise_spectrum_loss(loss, best);
    for (std::size_t i = 1; i < insertions.size(); ++i) improve(insertions[i]);
  }
  for (const double share : {0.0, 0.25, 0.5, 0.75, 0.98})
    improve(equal_angles(std::sqrt(spectrum.quantile(share)), sigma_T, steps));
  for (bool improved = true; improved;) {
    improved = false;
    for (std::size_t k = 1; k < best.size(); ++k) {
      std::vector<double> without = best;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(k));
      for (auto& insertion : loss.best_insertions(without, gaps)) improved = improve(std::move(insertion)) || improved;
    }
  }
  return best;
}

/// sigma_T ... sigma_{N-1} of least loss. Minima are searched on a coarse spectrum and with few levels, then refined.
[[nodiscard]] inline std::vector<double> spectrum_optimal_sigmas(const MergedSpectrum& spectrum, Index steps,
                                                                 double sigma_T) {
  constexpr Index few = 24;
  constexpr std::size_t bins = 48;
  std::vector<double> t = search_levels(coarse_spectrum(spectrum, bins), std::min(steps, few), sigma_T);
  if (steps > few) t = resample_levels(t, std::sqrt(spectrum.quantile(0.5)), steps);
  const auto keep_apart = [&t] {
    for (std::size_t k = 1; k < t.size(); ++k) t[k] = std::min(t[k], t[k - 1] - smallest_gap);
  };
  keep_apart();
  minimise_spectrum_loss(SpectrumLoss(spectrum.eigenvalues, spectrum.variances, sigma_T), t);
  keep_apart();
  for (double& value : t) value = std::exp(value);
  return t;
}

}  // namespace detail

}  // namespace diffarch
