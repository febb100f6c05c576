#pragma once

#include <algorithm>
#include <string>

#include "diffarch/core/checked_denoise.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

namespace detail {

template <class Scalar>
[[nodiscard]] Batch<Scalar> noisy_samples(const Batch<Scalar>& clean, NoiseLevel level, Seed seed, Index first_sample) {
  Batch<Scalar> y(clean.rows(), clean.cols());
  if (clean.size() == 0) return y;
  for_each_normal(
      CounterRandom(seed, streams::evaluation_noise), clean.rows(), clean.cols(),
      [=](Index column) { return first_sample + column; },
      [x = clean.data(), values = y.data(), level](Index i, double normal) {
        values[i] = static_cast<Scalar>(level.signal * static_cast<double>(x[i]) + level.noise * normal);
      });
  return y;
}

}  // namespace detail

/// y = signal * x + noise * eps of clean samples x (d, n), as every evaluation of denoisers here makes it. Column j has
/// the numbers of sample `first_sample + j` of the seed, the same eps at every level: curves over the levels are
/// smooth, and whatever is evaluated with one seed saw the same noise. In double to the last rounding.
template <Samples X>
[[nodiscard]] Batch<typename X::Scalar> noisy_samples(const X& clean, NoiseLevel level, Seed seed,
                                                      Index first_sample = 0) {
  return detail::noisy_samples(as_batch(clean), level, seed, first_sample);
}

namespace detail {

/// Clean samples (d, n) that `evaluation` (its name) can use: at least `smallest` of them, finite.
template <class Scalar>
void check_clean_samples(const char* evaluation, const Batch<Scalar>& clean, Index smallest) {
  require(clean.cols() >= smallest && clean.rows() >= 1, evaluation, ": the clean samples are ", shape_text(clean),
          "; expected at least ", smallest, " sample(s)");
  for (Index column = 0; column < clean.cols(); ++column)
    require(clean.col(column).allFinite(), evaluation, ": clean sample ", column, " is not finite");
}

template <class Model>
void check_model_dimension(const char* evaluation, const char* which, const Model& model, Index rows) {
  require<DimensionMismatch>(model.dimension() == rows, evaluation, ": ", which, " has dimension ", model.dimension(),
                             " but the clean samples have ", rows, " values");
}

/// The predictions, on the host, of a model for y (d, n) of any scalar. Throws NumericalError, naming level number
/// `step` of `levels`, its sigma and the sample, when one is not finite.
template <Denoiser Model, class Scalar>
[[nodiscard]] Batch<typename Model::Scalar> finite_predictions(const char* evaluation, const char* which,
                                                               const Model& model, const Batch<Scalar>& y,
                                                               const NoiseLevels& levels, Index step,
                                                               Index first_sample) {
  using BackendType = typename Model::BackendType;
  Batch<typename Model::Scalar> x0_hat = BackendType::download(checked_denoise(
      model, BackendType::upload(Batch<typename Model::Scalar>(y.template cast<typename Model::Scalar>())),
      levels[step]));
  if (x0_hat.allFinite()) return x0_hat;
  for (Index column = 0; column < y.cols(); ++column)
    require<NumericalError>(x0_hat.col(column).allFinite(), evaluation, ": x0_hat of ", which,
                            " is not finite at level ", step + 1, " of ", levels.steps(),
                            " (sigma = ", levels[step].sigma(), ") for sample ", first_sample + column);
  return x0_hat;
}

/// use(first, y) for blocks of noisy samples of a level, so that memory does not grow with their number.
template <class Scalar, class Use>
void for_each_noisy_block(const Batch<Scalar>& clean, NoiseLevel level, Seed seed, const Use& use) {
  constexpr Index block = 64;
  for (Index first = 0; first < clean.cols(); first += block) {
    const Index count = std::min(block, clean.cols() - first);
    use(first, noisy_samples(Batch<Scalar>(clean.middleCols(first, count)), level, seed, first));
  }
}

}  // namespace detail
}  // namespace diffarch
