#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "diffarch/analysis/median.hpp"
#include "diffarch/analysis/noisy_samples.hpp"
#include "diffarch/core/progress.hpp"

namespace diffarch {

// Three measures of how well one batch (d, n) predicts another, one value for every sample (column), over its d
// elements. They are often called by each other's names ("r^2" that is r, not squared). With e = prediction - reference
// and bars for means over the d elements (of all channels together),
//   Pearson's r:             sum (p - p_bar)(q - q_bar) / sqrt(sum (p - p_bar)^2 sum (q - q_bar)^2)
//   explained variance:      1 - sum (e - e_bar)^2 / sum (q - q_bar)^2
//   R^2 (of determination):  1 - sum e^2           / sum (q - q_bar)^2
// so that R^2 <= explained variance <= r^2 <= 1 for every sample. r sees neither a constant offset nor a positive
// factor of either side, and does not know which is the reference; explained variance does not see the offset; R^2 sees
// both, and alone says that the images are equal when it is 1. R^2 and explained variance can be negative: worse than
// the reference's own mean. Residuals are taken about the reference's mean of the same sample, never about zero.

namespace detail {

/// Sums of one column over its elements, in double.
struct AgreementSums {
  double product = 0.0;              ///< (p - p_bar)(q - q_bar)
  double prediction = 0.0;           ///< (p - p_bar)^2
  double reference = 0.0;            ///< (q - q_bar)^2
  double residual = 0.0;             ///< (p - q)^2
  double centred_residual = 0.0;     ///< (p - q - mean)^2
  bool constant_prediction = false;  ///< to rounding, see is_constant
  bool constant_reference = false;
};

/// Whether values whose squared deviations from their mean sum to `squares` are constant to rounding: their standard
/// deviation is below 10^4 epsilon of the largest |value|, 1.2e-3 in float. Predictions pass through many roundings; of
/// a smaller variation fewer than four digits would be left.
template <class Real>
[[nodiscard]] bool is_constant(const Vector<Real>& values, Real squares, double epsilon) {
  const double smallest = 1e4 * epsilon * values.cwiseAbs().maxCoeff();
  return squares <= static_cast<double>(values.size()) * smallest * smallest;
}

/// Checks and sums of every column; `where` begins the messages.
template <class S1, class S2>
[[nodiscard]] std::vector<AgreementSums> agreement_sums(const std::string& where, const Batch<S1>& prediction,
                                                        const Batch<S2>& reference) {
  require<DimensionMismatch>(prediction.rows() == reference.rows() && prediction.cols() == reference.cols(), where,
                             ": the prediction is ", shape_text(prediction), ", the reference ", shape_text(reference));
  require(prediction.rows() >= 1, where, ": samples of no values");
  std::vector<AgreementSums> result;
  for (Index sample = 0; sample < prediction.cols(); ++sample) {
    const Vector<double> p = prediction.col(sample).template cast<double>();
    const Vector<double> q = reference.col(sample).template cast<double>();
    require<NumericalError>(p.allFinite(), where, ": sample ", sample, " of the prediction is not finite");
    require<NumericalError>(q.allFinite(), where, ": sample ", sample, " of the reference is not finite");
    const Vector<double> e = p - q;
    const Vector<double> p_centred = p.array() - p.mean();
    const Vector<double> q_centred = q.array() - q.mean();
    const Vector<double> e_centred = e.array() - e.mean();
    AgreementSums sums{.product = p_centred.dot(q_centred),
                       .prediction = p_centred.squaredNorm(),
                       .reference = q_centred.squaredNorm(),
                       .residual = e.squaredNorm(),
                       .centred_residual = e_centred.squaredNorm()};
    sums.constant_prediction = is_constant(p, sums.prediction, std::numeric_limits<S1>::epsilon());
    sums.constant_reference = is_constant(q, sums.reference, std::numeric_limits<S2>::epsilon());
    result.push_back(sums);
  }
  return result;
}

/// measure(sums) of every column.
template <class Sums, class Measure>
[[nodiscard]] Vector<double> measure_columns(const std::vector<Sums>& sums, const Measure& measure) {
  Vector<double> values(static_cast<Index>(sums.size()));
  for (std::size_t i = 0; i < sums.size(); ++i) values(static_cast<Index>(i)) = measure(sums[i]);
  return values;
}

inline constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

template <class Sums>
[[nodiscard]] Vector<double> correlations(const std::vector<Sums>& sums) {
  return measure_columns(sums, [](const Sums& s) {
    if (s.constant_reference || s.constant_prediction) return undefined;
    return std::clamp(s.product / std::sqrt(s.prediction) / std::sqrt(s.reference), -1.0, 1.0);
  });
}

template <class Sums>
[[nodiscard]] Vector<double> determinations(const std::vector<Sums>& sums) {
  return measure_columns(
      sums, [](const Sums& s) { return s.constant_reference ? undefined : 1.0 - s.residual / s.reference; });
}

template <class Sums>
[[nodiscard]] Vector<double> explained_variances(const std::vector<Sums>& sums) {
  return measure_columns(
      sums, [](const Sums& s) { return s.constant_reference ? undefined : 1.0 - s.centred_residual / s.reference; });
}

}  // namespace detail

/// Median of the values that are defined, not NaN; NaN where none is.
[[nodiscard]] inline double median_of_defined(const Vector<double>& values) {
  std::vector<double> defined;
  for (Index i = 0; i < values.size(); ++i)
    if (!std::isnan(values(i))) defined.push_back(values(i));
  return defined.empty() ? detail::undefined : detail::median_of_numbers(std::move(defined));
}

/// Pearson's correlation r in [-1, 1] of the d elements of every column, (n). What Kamb and Ganguli, "An analytic
/// theory of creativity in convolutional diffusion models" (2024), plot as r^2 is this r, not squared. NaN, undefined,
/// where a column of either is constant to rounding (one element always is): r is 0 / 0 there. Constant to rounding
/// means a standard deviation below 10^4 epsilon of the column's largest |value|, 1.2e-3 in float: a denoiser at
/// sigma_T predicts one mean for everything. Throws DimensionMismatch; NumericalError when a value is not finite.
template <Samples Prediction, Samples Reference>
[[nodiscard]] Vector<double> pearson_correlation(const Prediction& prediction, const Reference& reference) {
  return detail::correlations(detail::agreement_sums("pearson_correlation", as_batch(prediction), as_batch(reference)));
}

/// Coefficient of determination R^2 = 1 - sum (p - q)^2 / sum (q - q_bar)^2 of every column, (n), <= 1. NaN, undefined,
/// where the column of the reference is constant to rounding, as in pearson_correlation: the error would be compared
/// with nothing. Throws like pearson_correlation.
template <Samples Prediction, Samples Reference>
[[nodiscard]] Vector<double> r_squared(const Prediction& prediction, const Reference& reference) {
  return detail::determinations(detail::agreement_sums("r_squared", as_batch(prediction), as_batch(reference)));
}

/// 1 - var(p - q) / var(q) of every column, (n), <= 1. NaN where r_squared is; throws like it.
template <Samples Prediction, Samples Reference>
[[nodiscard]] Vector<double> explained_variance(const Prediction& prediction, const Reference& reference) {
  return detail::explained_variances(
      detail::agreement_sums("explained_variance", as_batch(prediction), as_batch(reference)));
}

/// All three, for every sample (n) and their medians over the samples, with the plain error beside them. A measure is
/// NaN where it is undefined, see pearson_correlation; medians are those of the samples where it is defined.
struct Agreement {
  NoiseLevel level;  ///< of the inputs of both predictions
  Vector<double> pearson_correlation;
  Vector<double> r_squared;
  Vector<double> explained_variance;
  Vector<double> mean_squared_difference;  ///< per element
  double median_pearson_correlation = 0.0;
  double median_r_squared = 0.0;
  double median_explained_variance = 0.0;
  Index undefined = 0;  ///< samples of which R^2 is undefined
};

namespace detail {

template <class Sums>
[[nodiscard]] Agreement agreement_of(const std::vector<Sums>& sums, Index dimension, NoiseLevel level) {
  const auto d = static_cast<double>(dimension);
  Agreement result{.level = level,
                   .pearson_correlation = correlations(sums),
                   .r_squared = determinations(sums),
                   .explained_variance = explained_variances(sums),
                   .mean_squared_difference = measure_columns(sums, [d](const Sums& s) { return s.residual / d; })};
  result.median_pearson_correlation = median_of_defined(result.pearson_correlation);
  result.median_r_squared = median_of_defined(result.r_squared);
  result.median_explained_variance = median_of_defined(result.explained_variance);
  result.undefined = result.r_squared.array().isNaN().count();
  return result;
}

template <class S1, class S2>
[[nodiscard]] Agreement agreement_at(const std::string& where, const Batch<S1>& prediction, const Batch<S2>& reference,
                                     NoiseLevel level) {
  require(prediction.cols() >= 1, where, ": no samples");
  return agreement_of(agreement_sums(where, prediction, reference), prediction.rows(), level);
}

[[nodiscard]] inline std::string level_text(const char* name, const NoiseLevels& levels, Index step) {
  return concat(name, ": level ", step + 1, " of ", levels.steps(), " (sigma = ", levels[step].sigma(), ")");
}

}  // namespace detail

namespace detail {

template <class Model, class Reference, class Scalar>
[[nodiscard]] std::vector<Agreement> single_step_agreement(const Model& model, const Reference& reference,
                                                           const Batch<Scalar>& clean, const NoiseLevels& levels,
                                                           Seed seed, const ProgressCallback& callback) {
  constexpr const char* name = "single_step_agreement";
  check_clean_samples(name, clean, 1);
  check_model_dimension(name, "the model", model, clean.rows());
  check_model_dimension(name, "the reference", reference, clean.rows());
  ProgressReporter progress(callback, "single-step agreement", 2 * levels.steps() * clean.cols(), "predictions");
  std::vector<Agreement> result;
  for (Index step = 0; step < levels.steps(); ++step) {
    std::vector<AgreementSums> sums;
    for_each_noisy_block(clean, levels[step], seed, [&](Index first, const Batch<Scalar>& y) {
      const auto prediction = finite_predictions(name, "the model", model, y, levels, step, first);
      progress.advance(y.cols());
      const auto expected = finite_predictions(name, "the reference", reference, y, levels, step, first);
      progress.advance(y.cols());
      const auto more = agreement_sums(level_text(name, levels, step), prediction, expected);
      sums.insert(sums.end(), more.begin(), more.end());
    });
    result.push_back(agreement_of(sums, clean.rows(), levels[step]));
  }
  return result;
}

}  // namespace detail

/// Compares two batches (d, n) of predictions made at `level`. Throws like pearson_correlation, and InvalidArgument
/// without samples.
template <Samples Prediction, Samples Reference>
[[nodiscard]] Agreement agreement(const Prediction& prediction, const Reference& reference, NoiseLevel level) {
  return detail::agreement_at("agreement", as_batch(prediction), as_batch(reference), level);
}

/// Single-step agreement of two denoisers of one dimension: at every noisy level both see the same noisy versions,
/// `noisy_samples(clean, level, seed)`, of clean samples (d, n), and x0_hat of `model` is compared with that of
/// `reference`. Errors are not carried from level to level: for that see `trajectory_agreement`.
/// Throws like agreement, naming the level; NumericalError when a prediction is not finite; DimensionMismatch.
template <Denoiser Model, Denoiser Reference, Samples X>
[[nodiscard]] std::vector<Agreement> single_step_agreement(const Model& model, const Reference& reference,
                                                           const X& clean, const NoiseLevels& levels, Seed seed,
                                                           const ProgressCallback& progress = {}) {
  return detail::single_step_agreement(model, reference, as_batch(clean), levels, seed, progress);
}

/// Agreement of two samplers along their trajectories: element i of each list is the x0_hat (d, n) of step i, as
/// `PredictionLog` (sampler/) keeps them, of samplers that started from the same noise at the same levels. Differences
/// add up along the way. The last element compares the samples themselves: the last prediction is the sample.
/// Both lists begin at the first level: a list that begins one step later (as in published comparisons) is refused.
/// Throws like agreement, naming the level; DimensionMismatch unless both lists have one batch for every step.
template <class S1, class S2>
[[nodiscard]] std::vector<Agreement> trajectory_agreement(const NoiseLevels& levels,
                                                          const std::vector<Batch<S1>>& predictions,
                                                          const std::vector<Batch<S2>>& reference) {
  constexpr const char* name = "trajectory_agreement";
  const auto steps = static_cast<std::size_t>(levels.steps());
  detail::require<DimensionMismatch>(predictions.size() == steps && reference.size() == steps, name, ": ",
                                     predictions.size(), " predictions and ", reference.size(),
                                     " of the reference; expected one for each of ", steps, " steps");
  std::vector<Agreement> result;
  for (Index step = 0; step < levels.steps(); ++step) {
    const auto at = static_cast<std::size_t>(step);
    result.push_back(
        detail::agreement_at(detail::level_text(name, levels, step), predictions[at], reference[at], levels[step]));
  }
  return result;
}

}  // namespace diffarch
