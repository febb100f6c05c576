#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/noise_levels.hpp"

// The effect of N steps of DDIM on the spectrum of Gaussian data. Along an eigenmode
// of variance lambda, with the angles phi_k = arctan(sigma_k / sqrt(lambda)), one step of DDIM on the exact denoiser
// has
//   gain (lambda + sigma_k sigma_{k+1}) / (lambda + sigma_k^2) = gain of the exact flow * cos(phi_k - phi_{k+1}),
// so that samples started from x_T ~ N(0, I) have, relative to sqrt(lambda), the standard deviation
//   q(lambda) = sqrt((1 + sigma_T^2) / (lambda + sigma_T^2)) prod_k cos(phi_k - phi_{k+1}).
// The formula is that of `Ddim::mode_gain` in VE coordinates, written in angles because 1 - q, and its derivatives,
// would drown in the rounding of the product of gains. (The room of solvers knows no sampler; a test holds the two
// together.)

namespace diffarch {

namespace detail {

/// tan(phi - phi') of a step sigma -> next along a mode of standard deviation `deviation` > 0.
[[nodiscard]] inline double tangent_of_step(double deviation, double sigma, double next) noexcept {
  if (next == 0.0) return sigma / deviation;
  if (std::isinf(sigma)) return deviation / next;
  return deviation * (sigma - next) / (deviation * deviation + sigma * next);
}

/// log q before the first step: what the variance 1 of x_T does for the finite sigma_T.
[[nodiscard]] inline double log_initial_ratio(double lambda, double sigma_T) noexcept {
  return std::isinf(sigma_T) ? 0.0 : 0.5 * std::log((1.0 + sigma_T * sigma_T) / (lambda + sigma_T * sigma_T));
}

/// Levels of the search are at least so far apart in log sigma.
inline constexpr double smallest_gap = 1e-9;

/// log cos(phi - phi') of a step with the given tangent.
[[nodiscard]] inline double log_cosine(double tangent) noexcept { return -0.5 * std::log1p(tangent * tangent); }

/// log q of a mode of standard deviation `deviation` along sigmas sigma_T ... 0, from log q before the first step.
[[nodiscard]] inline double log_deviation_ratio(double log_start, double deviation,
                                                const std::vector<double>& sigmas) noexcept {
  double log_ratio = log_start;
  for (std::size_t k = 0; k + 1 < sigmas.size(); ++k)
    log_ratio += log_cosine(tangent_of_step(deviation, sigmas[k], sigmas[k + 1]));
  return log_ratio;
}

/// The loss sum_i weight_i (q(lambda_i) - 1)^2 as a function of t_k = log sigma_k, k = 0 ... N - 1. t_0 = log sigma_T
/// is given, sigma_N = 0, and t_1 ... t_{N-1} are free. With weight_i = lambda_i it is the squared W2 distance between
/// the centred Gaussians.
class SpectrumLoss {
 public:
  /// lambda > 0 and weights of equal number.
  SpectrumLoss(const std::vector<double>& eigenvalues, std::vector<double> weights, double sigma_T)
      : weights_(std::move(weights)) {
    for (const double lambda : eigenvalues) {
      deviations_.push_back(std::sqrt(lambda));
      log_starts_.push_back(log_initial_ratio(lambda, sigma_T));
    }
  }

  [[nodiscard]] double total_weight() const {
    double total = 0.0;
    for (const double weight : weights_) total += weight;
    return total;
  }

  [[nodiscard]] double value(const std::vector<double>& t) const {
    const std::vector<double> sigmas = sigmas_of(t);
    double loss = 0.0;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const double error = std::expm1(log_deviation_ratio(log_starts_[i], deviations_[i], sigmas));
      loss += weights_[i] * error * error;
    }
    return loss;
  }

  /// Loss, with its gradient (N - 1) and its Hessian (N - 1, N - 1; row-major, lower triangle) in the free t.
  /// With a_k = d phi_k / d t_k = sin(2 phi_k) / 2 and T_k = tan(phi_k - phi_{k+1}):
  ///   d log q / d t_k = a_k (T_{k-1} - T_k), and second derivatives between neighbours only.
  double derivatives(const std::vector<double>& t, std::vector<double>& gradient, std::vector<double>& hessian) const {
    const std::vector<double> sigmas = sigmas_of(t);
    const std::size_t steps = t.size();
    const std::size_t n = steps - 1;
    gradient.assign(n, 0.0);
    hessian.assign(n * n, 0.0);
    std::vector<double> tangents(steps);
    std::vector<double> slopes(steps);
    std::vector<double> log_gradient(n);
    double loss = 0.0;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const double s = deviations_[i];
      double log_ratio = log_starts_[i];
      for (std::size_t k = 0; k < steps; ++k) {
        tangents[k] = tangent_of_step(s, sigmas[k], sigmas[k + 1]);
        slopes[k] = s * sigmas[k] / (s * s + sigmas[k] * sigmas[k]);
        log_ratio += log_cosine(tangents[k]);
      }
      const double error = std::expm1(log_ratio);
      const double q = 1.0 + error;
      loss += weights_[i] * error * error;
      const double first = 2.0 * weights_[i] * error * q;
      const double second = 2.0 * weights_[i] * (2.0 * q - 1.0) * q;
      for (std::size_t k = 1; k < steps; ++k) {
        const double difference = tangents[k - 1] - tangents[k];
        const double slope = slopes[k];
        const double curvature = slope * (s - sigmas[k]) * (s + sigmas[k]) / (s * s + sigmas[k] * sigmas[k]);
        log_gradient[k - 1] = slope * difference;
        gradient[k - 1] += first * log_gradient[k - 1];
        const double before = 1.0 + tangents[k - 1] * tangents[k - 1];  // 1 / cos^2
        const double after = 1.0 + tangents[k] * tangents[k];
        double* const row = &hessian[(k - 1) * n];
        row[k - 1] += first * (curvature * difference - slope * slope * (before + after));
        if (k > 1) row[k - 2] += first * slope * slopes[k - 1] * before;
        const double outer = second * log_gradient[k - 1];
        for (std::size_t l = 0; l < k; ++l) row[l] += outer * log_gradient[l];
      }
    }
    return loss;
  }

  /// The levels with one more, inserted at the best of some places in one of the gaps between levels: one list for each
  /// of the `count` best gaps. The gap below the last level reaches down to a thousandth of the smallest mode.
  [[nodiscard]] std::vector<std::vector<double>> best_insertions(const std::vector<double>& t,
                                                                 std::size_t count) const {
    constexpr int places = 12;
    const std::vector<double> sigmas = sigmas_of(t);
    const double lowest = std::log(1e-3 * *std::min_element(deviations_.begin(), deviations_.end()));
    std::vector<double> log_ratios;
    for (std::size_t i = 0; i < weights_.size(); ++i)
      log_ratios.push_back(log_deviation_ratio(log_starts_[i], deviations_[i], sigmas));
    struct Insertion {
      double loss;
      double place;
      std::size_t gap;
    };
    std::vector<Insertion> best;
    for (std::size_t gap = 0; gap < t.size(); ++gap) {
      const double floor = gap + 1 < t.size() ? t[gap + 1] : std::min(lowest, t[gap] - 1.0);
      if (t[gap] - floor < 1e3 * smallest_gap) continue;
      Insertion here{std::numeric_limits<double>::infinity(), 0.0, gap};
      for (int j = 1; j <= places; ++j) {
        const double place = t[gap] + (floor - t[gap]) * j / (places + 1);
        const double sigma = std::exp(place);
        double loss = 0.0;
        for (std::size_t i = 0; i < weights_.size(); ++i) {
          const double s = deviations_[i];
          const double error = std::expm1(log_ratios[i] - log_cosine(tangent_of_step(s, sigmas[gap], sigmas[gap + 1])) +
                                          log_cosine(tangent_of_step(s, sigmas[gap], sigma)) +
                                          log_cosine(tangent_of_step(s, sigma, sigmas[gap + 1])));
          loss += weights_[i] * error * error;
        }
        if (loss < here.loss) here = {loss, place, gap};
      }
      best.push_back(here);
    }
    std::sort(best.begin(), best.end(), [](const Insertion& a, const Insertion& b) { return a.loss < b.loss; });
    best.resize(std::min(best.size(), count));
    std::vector<std::vector<double>> result;
    for (const Insertion& insertion : best) {
      result.push_back(t);
      result.back().insert(result.back().begin() + static_cast<std::ptrdiff_t>(insertion.gap) + 1, insertion.place);
    }
    return result;
  }

 private:
  [[nodiscard]] static std::vector<double> sigmas_of(const std::vector<double>& t) {
    std::vector<double> sigmas;
    sigmas.reserve(t.size() + 1);
    for (const double value : t) sigmas.push_back(std::exp(value));
    sigmas.push_back(0.0);
    return sigmas;
  }

  std::vector<double> deviations_;
  std::vector<double> weights_;
  std::vector<double> log_starts_;
};

}  // namespace detail

namespace detail {

/// Throws InvalidArgument, in the name of `function`, for an empty spectrum and eigenvalues that are negative or not
/// finite.
inline void check_spectrum(const char* function, const Vector<double>& eigenvalues) {
  require(eigenvalues.size() >= 1, function, ": no eigenvalues");
  for (Index mode = 0; mode < eigenvalues.size(); ++mode)
    require(std::isfinite(eigenvalues(mode)) && eigenvalues(mode) >= 0.0, function, ": eigenvalue ", mode, " is ",
            eigenvalues(mode), ", expected a finite value >= 0");
}

}  // namespace detail

/// W2 distance between N(0, diag(eigenvalues)) and what DDIM (eta = 0) along `levels` generates with the exact denoiser
/// of that Gaussian: both share their modes, so it is the root of sum (sqrt(var_i) - sqrt(lambda_i))^2 over the modes
/// of variance lambda_i, with var_i as in `predicted_distribution`. A mode with lambda_i = 0 is generated exactly. For
/// data with mean mu the squared distance of the full Gaussians has another term, the mean error |G mu|^2, which no
/// schedule changes much: G_i = q_i sqrt(lambda_i / (1 + sigma_T^2)) is small when sigma_T is large, and only then.
/// Throws InvalidArgument for an empty spectrum and eigenvalues that are negative or not finite.
[[nodiscard]] inline double ddim_spectrum_w2(const Vector<double>& eigenvalues, const NoiseLevels& levels) {
  detail::check_spectrum("ddim_spectrum_w2", eigenvalues);
  const std::vector<double> sigmas = levels.sigmas();
  double squared = 0.0;
  for (Index mode = 0; mode < eigenvalues.size(); ++mode) {
    const double lambda = eigenvalues(mode);
    if (lambda == 0.0) continue;
    const double error = std::expm1(
        detail::log_deviation_ratio(detail::log_initial_ratio(lambda, sigmas[0]), std::sqrt(lambda), sigmas));
    squared += lambda * error * error;
  }
  return std::sqrt(squared);
}

}  // namespace diffarch
