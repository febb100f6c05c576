#pragma once

#include <functional>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"

// The linear family on any backend, see backends.hpp. Defined in linear_run_impl.hpp, which lists what is instantiated
// for float and double: for Cpu in figure_support_f32.cpp and figure_support_f64.cpp, for Cuda in linear_run_cuda.cu.

namespace figures {

/// Fits an architecture of the linear family on backend B. Data: a Dataset, or GaussianMoments. The model comes to the
/// host, for what is measured there.
template <class B, class A, class Data>
[[nodiscard]] diffarch::GaussianDenoiser<diffarch::Cpu, typename Data::Scalar> fit_linear(const A& architecture,
                                                                                          const Data& data);

/// Draws samples (d, n) as a DiffusionSampler does; the model is where it was fitted.
template <class Scalar>
struct LinearSampler {
  std::function<diffarch::Batch<Scalar>(diffarch::Index n, diffarch::Seed seed)> sample;
  std::function<diffarch::Batch<Scalar>(const diffarch::Batch<Scalar>& noise)> sample_from;
};

/// Samples on backend B with a fitted model of an architecture.
template <class B, class A, class Scalar, class S, class Rule>
[[nodiscard]] LinearSampler<Scalar> linear_sampler(const A& architecture,
                                                   const diffarch::GaussianDenoiser<diffarch::Cpu, Scalar>& model,
                                                   const S& schedule, const Rule& rule);

}  // namespace figures
