#pragma once

#include <optional>
#include <string>

#include "common/architectures/backends.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/denoiser/train.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/sampler/any_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace figures {

/// A training, and what is wanted of it.
template <class Scalar>
struct NetworkTask {
  diffarch::CosineSchedule schedule;
  const diffarch::Batch<Scalar>& data;
  diffarch::TrainingRun run;
  bool train = true;   ///< false: its folder holds the weights of an earlier run
  bool sample = true;  ///< false: no sampler is wanted
  diffarch::ProgressCallback progress = diffarch::ConsoleProgress{};
};

/// Trains the networks of an architecture and loads them, on backend B. Throws what `train` and `load_model` throw.
/// Defined in network_instances.hpp.
template <class B, class Scalar, class A>
[[nodiscard]] std::optional<diffarch::AnySampler<Scalar>> trained_sampler_on(const A& architecture,
                                                                             const NetworkTask<Scalar>& task);

/// Trains the networks of an architecture and loads them, on the backend of --backend.
template <class A, class Scalar>
[[nodiscard]] std::optional<diffarch::AnySampler<Scalar>> trained_sampler(const std::string& backend,
                                                                          const A& architecture,
                                                                          const NetworkTask<Scalar>& task) {
  return on_backend(backend,
                    [&]<class B>(std::type_identity<B>) { return trained_sampler_on<B, Scalar>(architecture, task); });
}

}  // namespace figures
