#pragma once

#include "diffarch/cuda/cuda.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace diffarch::test {

/// Names everything that fitting and sampling an architecture on the device needs, so that nvcc compiles it.
template <class A, class Scalar>
void instantiate(const A& architecture) {
  DiffusionSampler<A, CosineSchedule, Cuda, Ddim, Scalar> sampler{architecture};
  sampler.fit(Batch<Scalar>(1, 1));
  static_cast<void>(sampler.sample(1, Seed{}));
}

/// For float and double.
template <class A>
void instantiate(const A& architecture) {
  instantiate<A, float>(architecture);
  instantiate<A, double>(architecture);
}

}  // namespace diffarch::test
