#pragma once

// A trajectory on the tested backend from and to arrays of the host.

#include <optional>
#include <utility>

#include "diffarch/sampler/collapsed.hpp"
#include "diffarch/sampler/trajectory.hpp"
#include "tested_backend.hpp"

namespace diffarch::test {

/// Every step of a rule from x_T, an array of the model's backend.
template <class Model, class Rule, class... Observers>
[[nodiscard]] StorageOf<Model> run_steps(const Model& model, const NoiseLevels& levels, const Rule& rule,
                                         StorageOf<Model> noise, Seed seed, Index first_sample,
                                         std::optional<double> clip, Observers&... observers) {
  diffarch::detail::scale_initial_noise<Model>(noise, levels[0]);
  return diffarch::detail::take_steps(model, levels, rule, std::move(noise), seed, first_sample, clip, observers...);
}

/// All steps at once from x_T, an array of the model's backend.
template <class Model>
[[nodiscard]] StorageOf<Model> run_collapsed(const Model& model, const NoiseLevels& levels, const Vector<double>& gains,
                                             StorageOf<Model> noise) {
  diffarch::detail::scale_initial_noise<Model>(noise, levels[0]);
  return diffarch::detail::take_collapsed_steps(model, levels, gains, noise);
}

template <class Model, class Rule, class... Observers>
[[nodiscard]] Batch<typename Model::Scalar> run_steps_on(const Model& model, const NoiseLevels& levels,
                                                         const Rule& rule, const Batch<typename Model::Scalar>& noise,
                                                         Seed seed, Index first_sample, std::optional<double> clip,
                                                         Observers&... observers) {
  return download(run_steps(model, levels, rule, upload(noise), seed, first_sample, clip, observers...));
}

}  // namespace diffarch::test
