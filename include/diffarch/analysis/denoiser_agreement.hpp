#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "diffarch/analysis/median.hpp"
#include "diffarch/analysis/noisy_samples.hpp"

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
  bool constant_prediction = false;  ///< to the rounding of its type
};

/// Checks and sums of every column; `where` begins the messages.
template <class S1, class S2>
[[nodiscard]] std::vector<AgreementSums> agreement_sums(const std::string& where, const Batch<S1>& prediction,
                                                        const Batch<S2>& reference) {
  require<DimensionMismatch>(prediction.rows() == reference.rows() && prediction.cols() == reference.cols(), where,
                             ": the prediction is ", shape_text(prediction), ", the reference ", shape_text(reference));
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
    result.push_back({.product = p_centred.dot(q_centred),
                      .prediction = p_centred.squaredNorm(),
                      .reference = q_centred.squaredNorm(),
                      .residual = e.squaredNorm(),
                      .centred_residual = e_centred.squaredNorm()});
    const auto is_constant = [](const Vector<double>& values, double squares, double epsilon) {
      const double rounding = 8.0 * epsilon * values.cwiseAbs().maxCoeff();
      return squares <= static_cast<double>(values.size()) * rounding * rounding;
    };
    result.back().constant_prediction = is_constant(p, result.back().prediction, std::numeric_limits<S1>::epsilon());
    require(!is_constant(q, result.back().reference, std::numeric_limits<S2>::epsilon()), where, ": sample ", sample,
            " of the reference is constant to rounding, so there is no variance to compare with");
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

template <class Sums>
[[nodiscard]] Vector<double> correlations(const std::string& where, const std::vector<Sums>& sums) {
  for (std::size_t i = 0; i < sums.size(); ++i)
    require(!sums[i].constant_prediction, where, ": sample ", i,
            " of the prediction is constant to rounding, so it has no correlation");
  return measure_columns(sums, [](const Sums& s) {
    return std::clamp(s.product / std::sqrt(s.prediction) / std::sqrt(s.reference), -1.0, 1.0);
  });
}

template <class Sums>
[[nodiscard]] Vector<double> determinations(const std::vector<Sums>& sums) {
  return measure_columns(sums, [](const Sums& s) { return 1.0 - s.residual / s.reference; });
}

template <class Sums>
[[nodiscard]] Vector<double> explained_variances(const std::vector<Sums>& sums) {
  return measure_columns(sums, [](const Sums& s) { return 1.0 - s.centred_residual / s.reference; });
}

}  // namespace detail

/// Pearson's correlation r in [-1, 1] of the d elements of every column, (n). What Kamb and Ganguli, "An analytic
/// theory of creativity in convolutional diffusion models" (2024), plot as r^2 is this r, not squared. Throws
/// DimensionMismatch; NumericalError when a value is not finite; InvalidArgument when a column of either is constant to
/// rounding (one element always is): r is 0 / 0 there.
template <class S1, class S2>
[[nodiscard]] Vector<double> pearson_correlation(const Batch<S1>& prediction, const Batch<S2>& reference) {
  const std::string name = "pearson_correlation";
  return detail::correlations(name, detail::agreement_sums(name, prediction, reference));
}

/// Coefficient of determination R^2 = 1 - sum (p - q)^2 / sum (q - q_bar)^2 of every column, (n), <= 1.
/// Throws like pearson_correlation, but takes a constant prediction.
template <class S1, class S2>
[[nodiscard]] Vector<double> r_squared(const Batch<S1>& prediction, const Batch<S2>& reference) {
  return detail::determinations(detail::agreement_sums("r_squared", prediction, reference));
}

/// 1 - var(p - q) / var(q) of every column, (n), <= 1. Throws like r_squared.
template <class S1, class S2>
[[nodiscard]] Vector<double> explained_variance(const Batch<S1>& prediction, const Batch<S2>& reference) {
  return detail::explained_variances(detail::agreement_sums("explained_variance", prediction, reference));
}

/// All three, for every sample (n) and their medians over the samples, with the plain error beside them.
struct Agreement {
  NoiseLevel level;  ///< of the inputs of both predictions
  Vector<double> pearson_correlation;
  Vector<double> r_squared;
  Vector<double> explained_variance;
  Vector<double> mean_squared_difference;  ///< per element
  double median_pearson_correlation = 0.0;
  double median_r_squared = 0.0;
  double median_explained_variance = 0.0;
};

namespace detail {

template <class S1, class S2>
[[nodiscard]] Agreement agreement_at(const std::string& where, const Batch<S1>& prediction, const Batch<S2>& reference,
                                     NoiseLevel level) {
  require(prediction.cols() >= 1, where, ": no samples");
  const auto sums = agreement_sums(where, prediction, reference);
  const auto d = static_cast<double>(prediction.rows());
  Agreement result{
      .level = level,
      .pearson_correlation = correlations(where, sums),
      .r_squared = determinations(sums),
      .explained_variance = explained_variances(sums),
      .mean_squared_difference = measure_columns(sums, [d](const AgreementSums& s) { return s.residual / d; })};
  result.median_pearson_correlation = median(result.pearson_correlation);
  result.median_r_squared = median(result.r_squared);
  result.median_explained_variance = median(result.explained_variance);
  return result;
}

[[nodiscard]] inline std::string level_text(const char* name, const NoiseLevels& levels, Index step) {
  return concat(name, ": level ", step + 1, " of ", levels.steps(), " (sigma = ", levels[step].sigma(), ")");
}

}  // namespace detail

/// Compares two batches (d, n) of predictions made at `level`. Throws like pearson_correlation, and InvalidArgument
/// without samples.
template <class S1, class S2>
[[nodiscard]] Agreement agreement(const Batch<S1>& prediction, const Batch<S2>& reference, NoiseLevel level) {
  return detail::agreement_at("agreement", prediction, reference, level);
}

/// Single-step agreement of two denoisers of one dimension: at every noisy level both see the same noisy versions,
/// `noisy_samples(clean, level, seed)`, of clean samples (d, n), and x0_hat of `model` is compared with that of
/// `reference`. Errors are not carried from level to level: for that see `trajectory_agreement`.
/// Throws like agreement, naming the level; NumericalError when a prediction is not finite; DimensionMismatch.
template <Denoiser Model, Denoiser Reference, class Scalar>
[[nodiscard]] std::vector<Agreement> single_step_agreement(const Model& model, const Reference& reference,
                                                           const Batch<Scalar>& clean, const NoiseLevels& levels,
                                                           Seed seed) {
  constexpr const char* name = "single_step_agreement";
  detail::check_clean_samples(name, clean, 1);
  detail::check_model_dimension(name, "the model", model, clean.rows());
  detail::check_model_dimension(name, "the reference", reference, clean.rows());
  std::vector<Agreement> result;
  for (Index step = 0; step < levels.steps(); ++step) {
    const Batch<Scalar> y = noisy_samples(clean, levels[step], seed);
    const auto prediction = detail::finite_predictions(name, "the model", model, y, levels, step, 0);
    const auto expected = detail::finite_predictions(name, "the reference", reference, y, levels, step, 0);
    result.push_back(detail::agreement_at(detail::level_text(name, levels, step), prediction, expected, levels[step]));
  }
  return result;
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
