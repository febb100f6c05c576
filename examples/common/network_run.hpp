#pragma once

#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/denoiser/train.hpp"
#include "placed_model.hpp"

// Training on any backend, see backends.hpp. Defined in network_run_impl.hpp, which lists what is instantiated: for Cpu
// in network_run_*.cpp, for Cuda in network_run_cuda.cu.

namespace figures {

/// What is asked of an architecture that is trained.
template <class Scalar>
struct NetworkTask {
  diffarch::CosineSchedule schedule;
  const diffarch::Batch<Scalar>& data;
  diffarch::TrainingRun run;
  bool train = true;   ///< false: its folder holds the weights of an earlier run
  bool sample = true;  ///< false: no model is wanted
  diffarch::ProgressCallback progress = diffarch::ConsoleProgress{};
};

/// Trains the networks of an architecture and loads them, on backend B. Throws what `train` and `load_model` throw.
template <class B, class A, class Scalar>
[[nodiscard]] PlacedModelPointer<Scalar> run_network(const A& architecture, const NetworkTask<Scalar>& task);

/// The same on the backend of --backend.
template <class A, class Scalar>
[[nodiscard]] PlacedModelPointer<Scalar> run_network(const std::string& backend, const A& architecture,
                                                     const NetworkTask<Scalar>& task) {
  PlacedModelPointer<Scalar> model;
  on_backend(backend, [&]<class B>(std::type_identity<B>) { model = run_network<B>(architecture, task); });
  return model;
}

}  // namespace figures
