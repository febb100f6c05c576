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

/// The noise levels that one network is trained for, as the kernels take them. Of each level l there are four weights,
/// in memory of the kernels' backend: input = weights[4 l] x0 + weights[4 l + 1] epsilon and target = weights[4 l + 2]
/// x0 + weights[4 l + 3] epsilon. The noise of all of them has one random stream.
template <class Scalar>
struct SharedLevels {
  Index stream = 0;
  const Scalar* weights = nullptr;
};

}  // namespace diffarch::nn
