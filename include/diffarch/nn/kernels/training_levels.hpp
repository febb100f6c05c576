#pragma once

#include "diffarch/core/batch.hpp"

namespace diffarch::nn {

/// The noise levels that networks are trained for at once, as the kernels take them: of each, the random stream of its
/// noise and the weights of y = signal x0 + noise epsilon, in memory of the kernels' backend.
template <class Scalar>
struct TrainingLevels {
  Index count = 0;
  const Index* streams = nullptr;
  const Scalar* signals = nullptr;
  const Scalar* noises = nullptr;
};

}  // namespace diffarch::nn
