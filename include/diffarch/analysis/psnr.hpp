#pragma once

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "diffarch/analysis/noisy_samples.hpp"
#include "diffarch/core/progress.hpp"

namespace diffarch {

/// Peak signal-to-noise ratio in dB of a mean squared error per element: 10 log10(range^2 / error), infinite for error
/// 0. `range` is the distance from the smallest to the largest value an element can have: 2 for images in [-1, 1], not
/// 1. Throws InvalidArgument for a negative error or range <= 0.
[[nodiscard]] inline double psnr(double mean_squared_error, double range) {
  detail::require(mean_squared_error >= 0.0 && range > 0.0 && std::isfinite(range), "psnr: mean squared error ",
                  mean_squared_error, ", range ", range, "; expected an error >= 0 and a finite range > 0");
  return 10.0 * std::log10(range * range / mean_squared_error);
}

/// A mean over samples and how far it may be from that of infinitely many: one standard deviation.
struct MeanEstimate {
  double value = 0.0;
  double standard_error = 0.0;
};

/// How well a denoiser removes the noise of one level.
struct LevelPsnr {
  NoiseLevel level;
  MeanEstimate mean_squared_error;   ///< of x0_hat, per element
  double psnr = 0.0;                 ///< dB, of the mean error: not the mean of the samples' PSNRs, which is larger
  double psnr_standard_error = 0.0;  ///< dB, to first order
};

/// The measured error of one level beside the least error that any denoiser can have (MMSE). The least error is that of
/// the exact posterior mean D* on the same y.
struct LevelPsnrWithFloor {
  LevelPsnr measured;
  LevelPsnr floor;  ///< of the exact denoiser: the largest PSNR possible
  /// E |D - D*|^2 per element: what the measured error exceeds the floor by, as x - D* is orthogonal to every function
  /// of y. Its standard error is far below that of the difference of the two errors.
  MeanEstimate excess;
};

namespace detail {

[[nodiscard]] inline MeanEstimate mean_estimate(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double mean = 0.0;
  for (const double value : values) mean += value / count;
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / (count * (count - 1.0)))};
}

[[nodiscard]] inline LevelPsnr level_psnr(NoiseLevel level, const std::vector<double>& errors, double range) {
  const MeanEstimate error = mean_estimate(errors);
  const double decibels_per_unit = 10.0 / std::log(10.0);
  return {level, error, psnr(error.value, range),
          error.value > 0.0 ? decibels_per_unit * error.standard_error / error.value : 0.0};
}

/// |a - b|^2 / d of every column, in double, added to `values`.
template <class A, class B>
void append_squared_errors(const A& a, const B& b, std::vector<double>& values) {
  for (Index column = 0; column < a.cols(); ++column)
    values.push_back((a.col(column).template cast<double>() - b.col(column).template cast<double>()).squaredNorm() /
                     static_cast<double>(a.rows()));
}

template <class Model>
inline constexpr bool has_posterior_covariance = requires(const Model& model, const Batch<typename Model::Scalar>& y,
                                                          NoiseLevel level) {
  model.posterior_covariance(y, level).trace();
};

/// The expected squared error per element of an exact denoiser, given y: one value for every column.
template <class Exact, class Scalar>
void append_posterior_variances(const Exact& exact, const Batch<Scalar>& y, NoiseLevel level,
                                std::vector<double>& values) {
  for (Index column = 0; column < y.cols(); ++column) {
    const Batch<typename Exact::Scalar> sample = y.col(column).template cast<typename Exact::Scalar>();
    values.push_back(static_cast<double>(exact.posterior_covariance(sample, level).trace()) /
                     static_cast<double>(y.rows()));
  }
}

template <class Model, class Scalar>
[[nodiscard]] std::vector<LevelPsnr> psnr_by_level(const Model& model, const Batch<Scalar>& clean,
                                                   const NoiseLevels& levels, Seed seed, double range,
                                                   const ProgressCallback& callback) {
  check_clean_samples("psnr_by_level", clean, 2);
  check_model_dimension("psnr_by_level", "the model", model, clean.rows());
  ProgressReporter progress(callback, "PSNR", levels.steps() * clean.cols(), "predictions");
  std::vector<LevelPsnr> result;
  for (Index step = 0; step < levels.steps(); ++step) {
    std::vector<double> errors;
    for_each_noisy_block(clean, levels[step], seed, [&](Index first, const Batch<Scalar>& y) {
      append_squared_errors(finite_predictions("psnr_by_level", "the model", model, y, levels, step, first),
                            clean.middleCols(first, y.cols()), errors);
      progress.advance(y.cols());
    });
    result.push_back(level_psnr(levels[step], errors, range));
  }
  return result;
}

template <class Model, class Exact, class Scalar>
[[nodiscard]] std::vector<LevelPsnrWithFloor> psnr_and_floor_by_level(const Model& model, const Exact& exact,
                                                                      const Batch<Scalar>& clean,
                                                                      const NoiseLevels& levels, Seed seed,
                                                                      double range, const ProgressCallback& callback) {
  constexpr const char* name = "psnr_and_floor_by_level";
  check_clean_samples(name, clean, 2);
  check_model_dimension(name, "the model", model, clean.rows());
  check_model_dimension(name, "the exact denoiser", exact, clean.rows());
  ProgressReporter progress(callback, "PSNR and floor", levels.steps() * clean.cols(), "samples");
  std::vector<LevelPsnrWithFloor> result;
  for (Index step = 0; step < levels.steps(); ++step) {
    std::vector<double> errors;
    std::vector<double> floor;
    std::vector<double> excess;
    for_each_noisy_block(clean, levels[step], seed, [&](Index first, const Batch<Scalar>& y) {
      const auto x = clean.middleCols(first, y.cols());
      const auto x0_hat = finite_predictions(name, "the model", model, y, levels, step, first);
      const auto best = finite_predictions(name, "the exact denoiser", exact, y, levels, step, first);
      append_squared_errors(x0_hat, x, errors);
      append_squared_errors(x0_hat, best, excess);
      if constexpr (has_posterior_covariance<Exact>)
        append_posterior_variances(exact, y, levels[step], floor);
      else
        append_squared_errors(best, x, floor);
      progress.advance(y.cols());
    });
    result.push_back(
        {level_psnr(levels[step], errors, range), level_psnr(levels[step], floor, range), mean_estimate(excess)});
  }
  return result;
}

}  // namespace detail

/// PSNR of a denoiser at every noisy level of `levels`, on clean samples (d, n), n >= 2, with the noise of
/// `noisy_samples(clean, level, seed)`. range: see `psnr`. Standard errors are those of independent samples.
/// Throws InvalidArgument, DimensionMismatch; NumericalError, naming level, sigma and sample, when a prediction is not
/// finite.
template <Denoiser Model, Samples X>
[[nodiscard]] std::vector<LevelPsnr> psnr_by_level(const Model& model, const X& clean, const NoiseLevels& levels,
                                                   Seed seed, double range = 2.0,
                                                   const ProgressCallback& progress = {}) {
  return detail::psnr_by_level(model, as_batch(clean), levels, seed, range, progress);
}

/// Measures the PSNR of `model` at every level, and the floor beside it. `exact` is the posterior mean of the
/// distribution that `clean` was drawn from (GaussianMixtureScore; Linear of a Gaussian); it sees the same noisy
/// samples. When `exact` has `posterior_covariance(y, level)`, the floor is the mean of its trace, E[|x - D*|^2 | y],
/// which varies less than |x - D*|^2 itself. Throws like psnr_by_level.
template <Denoiser Model, Denoiser Exact, Samples X>
[[nodiscard]] std::vector<LevelPsnrWithFloor> psnr_and_floor_by_level(const Model& model, const Exact& exact,
                                                                      const X& clean, const NoiseLevels& levels,
                                                                      Seed seed, double range = 2.0,
                                                                      const ProgressCallback& progress = {}) {
  return detail::psnr_and_floor_by_level(model, exact, as_batch(clean), levels, seed, range, progress);
}

/// MMSE of a Gaussian with the covariance eigenvalues lambda >= 0, as E |x - E[x | y]|^2 of a whole sample:
///   sum lambda noise^2 / (lambda signal^2 + noise^2), in VE coordinates sum lambda sigma^2 / (lambda + sigma^2).
/// Divided by d it is the mean squared error per element of `LevelPsnr`. For any other data with this covariance it is
/// the error of the best affine denoiser. Throws InvalidArgument for a negative or infinite eigenvalue.
template <class Scalar>
[[nodiscard]] double gaussian_mmse(const Vector<Scalar>& eigenvalues, NoiseLevel level) {
  double sum = 0.0;
  for (Index mode = 0; mode < eigenvalues.size(); ++mode) {
    const auto lambda = static_cast<double>(eigenvalues(mode));
    detail::require(lambda >= 0.0 && std::isfinite(lambda), "gaussian_mmse: eigenvalue ", mode, " is ", lambda,
                    "; expected a finite variance >= 0");
    // Its inverse is the sum of the two precisions, which does not overflow.
    if (lambda > 0.0 && !level.is_clean()) sum += 1.0 / (std::pow(level.signal / level.noise, 2) + 1.0 / lambda);
  }
  return sum;
}

}  // namespace diffarch
