#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

#include "diffarch/core/concepts.hpp"

// Errors of the compiler for a type that lacks what a concept asks for. For an unsatisfied concept compilers print
// every expression that they tried. The functions here fail to compile with one sentence instead: what is missing, and
// what to write. Each returns true, so that it can stand in a static_assert.

namespace diffarch::detail {

template <class...>
inline constexpr bool never = false;

template <class A>
consteval bool explain_architecture() {
  if constexpr (!requires(const A& a) {
                  { a.name() } -> std::convertible_to<std::string>;
                })
    static_assert(never<A>,
                  "diffarch: an architecture needs a public `std::string name() const`, else it does not satisfy the "
                  "concept Architecture (core/concepts.hpp)");
  else if constexpr (!std::is_aggregate_v<A>)
    static_assert(never<A>,
                  "diffarch: an architecture is an aggregate of hyper-parameters, else it does not satisfy the concept "
                  "Architecture: remove its constructors and make its members public, and write Mine{.rank = 3}");
  else
    static_assert(Architecture<A>,
                  "diffarch: an architecture must be copyable, else it does not satisfy the concept Architecture");
  return true;
}

template <class S>
consteval bool explain_schedule() {
  if constexpr (!requires(const S& s) {
                  { s.name() } -> std::convertible_to<std::string>;
                })
    static_assert(never<S>,
                  "diffarch: a schedule needs a public `std::string name() const` and `NoiseLevels levels() const`, "
                  "else it does not satisfy the concept Schedule; for plain numbers there is "
                  "CustomSchedule::from_sigmas");
  else if constexpr (!requires(const S& s) {
                       { s.levels() } -> std::same_as<NoiseLevels>;
                     })
    static_assert(never<S>,
                  "diffarch: a schedule needs a public `NoiseLevels levels() const`, else it does not satisfy the "
                  "concept Schedule (core/concepts.hpp)");
  else
    static_assert(Schedule<S>, "diffarch: a schedule must be copyable, else it does not satisfy the concept Schedule");
  return true;
}

template <class B>
consteval bool explain_backend() {
  if constexpr (std::same_as<B, Cuda> && !requires { sizeof(B); })
    static_assert(never<B>,
                  "diffarch: this file does not have the backend Cuda: include <diffarch/cuda/cuda.hpp> and compile "
                  "this file with nvcc (in CMake: a .cu file or LANGUAGE CUDA, linked with diffarch::cuda), or use the "
                  "backend Cpu");
  else if constexpr (SamplerRule<B>)
    static_assert(never<B>,
                  "diffarch: a sampler rule stands where the backend belongs: write DiffusionSampler<Architecture, "
                  "Schedule, Cpu, Rule>, or let the types be deduced: DiffusionSampler sampler{architecture, schedule, "
                  "rule}");
  else if constexpr (std::floating_point<B>)
    static_assert(never<B>,
                  "diffarch: a scalar stands where the backend belongs: write DiffusionSampler<Architecture, Schedule, "
                  "Cpu, Ddim, double>");
  else
    static_assert(Backend<B>,
                  "diffarch: the backend must satisfy the concept Backend (core/backend.hpp): Cpu, or Cuda");
  return true;
}

template <class R>
consteval bool explain_rule() {
  if constexpr (Backend<R>)
    static_assert(never<R>,
                  "diffarch: a backend stands where the sampler rule belongs: write DiffusionSampler<Architecture, "
                  "Schedule, Backend, Rule, Scalar>");
  else if constexpr (std::floating_point<R>)
    static_assert(never<R>,
                  "diffarch: a scalar stands where the sampler rule belongs: write DiffusionSampler<Architecture, "
                  "Schedule, Cpu, Ddim, double>");
  else
    static_assert(SamplerRule<R>,
                  "diffarch: the rule must satisfy the concept SamplerRule (core/concepts.hpp): copyable, with const "
                  "members name(), stochasticity(), noise_scale(level, next), and template <Denoiser M> advance(const "
                  "M&, StorageOf<M>& y, const StorageOf<M>& x0_hat, level, next)");
  return true;
}

/// A model that is missing something, and which `denoise` it has in place of the right one.
template <class M>
concept HasScalar = std::floating_point<typename M::Scalar>;
template <class M>
concept HasBackend = Backend<typename M::BackendType>;
template <class M>
concept HasDimension = requires(const M& model) {
  { model.dimension() } -> std::convertible_to<Index>;
};
template <class M>
concept HasDenoise = requires(const M& model, const StorageOf<M>& y, NoiseLevel level) {
  model.denoise(y, level);
};
template <class M>
concept HasChangingDenoise = requires(M& model, StorageOf<M>& y, NoiseLevel level) {
  model.denoise(y, level);
};
template <class M>
concept HasDenoiseOfSigma = requires(M& model, StorageOf<M>& y, double sigma) {
  model.denoise(y, sigma);
};

template <class M>
consteval bool explain_denoiser() {
  if constexpr (Denoiser<M>)
    return true;
  else if constexpr (!HasScalar<M>)
    static_assert(never<M>,
                  "diffarch: what Fitter::fit returns is no Denoiser (core/concepts.hpp): the model needs a public "
                  "`using Scalar = float;` (or double)");
  else if constexpr (!HasBackend<M>)
    static_assert(never<M>,
                  "diffarch: what Fitter::fit returns is no Denoiser (core/concepts.hpp): the model needs a public "
                  "`using BackendType = diffarch::Cpu;` (or another backend)");
  else if constexpr (!HasDimension<M>)
    static_assert(never<M>,
                  "diffarch: what Fitter::fit returns is no Denoiser (core/concepts.hpp): the model needs a public "
                  "`Index dimension() const`");
  else if constexpr (!HasDenoise<M> && HasChangingDenoise<M>)
    static_assert(never<M>,
                  "diffarch: what Fitter::fit returns is no Denoiser (core/concepts.hpp): `denoise` must be const: "
                  "write `Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const`");
  else if constexpr (!HasDenoise<M> && HasDenoiseOfSigma<M>)
    static_assert(
        never<M>,
        "diffarch: what Fitter::fit returns is no Denoiser (core/concepts.hpp): `denoise` takes a NoiseLevel, "
        "not a sigma: write `Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const`, and "
        "level.sigma() in it; y = level.signal * x0 + level.noise * epsilon");
  else if constexpr (!HasDenoise<M>)
    static_assert(never<M>,
                  "diffarch: what Fitter::fit returns is no Denoiser (core/concepts.hpp): the model needs a public "
                  "`Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel level) const`");
  else
    static_assert(never<M>,
                  "diffarch: what Fitter::fit returns is no Denoiser (core/concepts.hpp): `denoise` must return an "
                  "array, not an expression of Eigen: write `Batch<Scalar>` for its return type, not `auto`");
  return true;
}

}  // namespace diffarch::detail
