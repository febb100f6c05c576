#pragma once

// A trajectory on the tested backend from and to arrays of the host.

#include <optional>

#include "diffarch/sampler/trajectory.hpp"
#include "tested_backend.hpp"

namespace diffarch::test {

template <class Model, class Rule, class... Observers>
[[nodiscard]] Batch<typename Model::Scalar> run_steps_on(const Model& model, const NoiseLevels& levels,
                                                         const Rule& rule, const Batch<typename Model::Scalar>& noise,
                                                         Seed seed, Index first_sample, std::optional<double> clip,
                                                         Observers&... observers) {
  return download(
      diffarch::detail::run_steps(model, levels, rule, upload(noise), seed, first_sample, clip, observers...));
}

}  // namespace diffarch::test
