#pragma once

#include <memory>
#include <utility>

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"
#include "linear_run.hpp"

namespace figures {

using namespace diffarch;

/// The same model on another backend.
template <class To, class From, class Scalar>
[[nodiscard]] GaussianDenoiser<To, Scalar> moved_to(const GaussianDenoiser<From, Scalar>& model) {
  return GaussianDenoiser<To, Scalar>(
      PrincipalComponents<Scalar, To>{.mean = model.mean(),
                                      .eigenvalues = model.eigenvalues(),
                                      .basis = To::upload(From::download(model.basis())),
                                      .rank = model.rank()});
}

template <class B, class A, class Data>
GaussianDenoiser<Cpu, typename Data::Scalar> fit_linear(const A& architecture, const Data& data) {
  // One fit serves every level, so any schedule will do.
  auto model = fit(architecture, data, CosineSchedule{}, B{}, ConsoleProgress{});
  if constexpr (std::is_same_v<B, Cpu>)
    return model;
  else
    return moved_to<Cpu>(model);
}

template <class B, class A, class Scalar, class S, class Rule>
LinearSampler<Scalar> linear_sampler(const A& architecture, const GaussianDenoiser<Cpu, Scalar>& model,
                                     const S& schedule, const Rule& rule) {
  using Sampler = DiffusionSampler<A, S, B, Rule, Scalar>;
  auto sampler = std::make_shared<Sampler>(architecture, schedule, rule);
  sampler->set_progress(ConsoleProgress{});
  if constexpr (std::is_same_v<B, Cpu>)
    sampler->set_model(model);
  else
    sampler->set_model(moved_to<B>(model));
  return {.sample = [sampler](Index n, Seed seed) { return sampler->sample(n, seed); },
          .sample_from = [sampler](const Batch<Scalar>& noise) { return sampler->sample_from(noise); }};
}

// What the programs use, on one backend.
#define FIGURES_LINEAR_FIT(B, Scalar, A, Data) \
  template GaussianDenoiser<Cpu, Scalar> fit_linear<B>(const A&, const Data<Scalar>&)
#define FIGURES_LINEAR_SAMPLER(B, Scalar, A, S, Rule)                                                        \
  template LinearSampler<Scalar> linear_sampler<B>(const A&, const GaussianDenoiser<Cpu, Scalar>&, const S&, \
                                                   const Rule&)
#define FIGURES_LINEAR_FAMILY(B, Scalar)                           \
  FIGURES_LINEAR_FIT(B, Scalar, Linear, Dataset);                  \
  FIGURES_LINEAR_FIT(B, Scalar, Linear, GaussianMoments);          \
  FIGURES_LINEAR_FIT(B, Scalar, RankK, Dataset);                   \
  FIGURES_LINEAR_SAMPLER(B, Scalar, Linear, CosineSchedule, Ddim); \
  FIGURES_LINEAR_SAMPLER(B, Scalar, RankK, CosineSchedule, Ddim);  \
  FIGURES_LINEAR_SAMPLER(B, Scalar, Linear, CustomSchedule, Ddim); \
  FIGURES_LINEAR_SAMPLER(B, Scalar, Linear, CustomSchedule, VarianceExactDdim)

}  // namespace figures
