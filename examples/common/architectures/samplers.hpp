#pragma once

#include <string>

#include "common/architectures/backends.hpp"
#include "diffarch/denoiser/gaussian/gaussian_denoiser.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/sampler/any_sampler.hpp"
#include "diffarch/sampler/ddim.hpp"

// Samplers of the table's architectures on the backend of --backend. They report progress on the terminal.

namespace figures {

/// A sampler on backend B, not fitted yet. Defined in instances.hpp.
template <class B, class Scalar, class A, class Rule>
[[nodiscard]] diffarch::AnySampler<Scalar> sampler_on(const A& architecture, const diffarch::NoiseLevels& levels,
                                                      const Rule& rule);

/// The linear denoiser of exact moments on backend B. Defined in instances.hpp.
template <class B, class Scalar>
[[nodiscard]] diffarch::AnySampler<Scalar> moments_sampler_on(const diffarch::GaussianMoments<Scalar>& moments,
                                                              const diffarch::NoiseLevels& levels);

/// A fitted polynomial on all monomials, which samples on backend B. Defined in instances.hpp.
template <class B, bool is_conservative>
[[nodiscard]] diffarch::AnySampler<double> monomials_sampler_on(
    const diffarch::MonomialDenoiser<double, is_conservative>& model, const std::string& architecture,
    const diffarch::NoiseLevels& levels);

/// A sampler that is fitted to samples (d, n) on the backend of --backend.
template <class Scalar, class A, class Rule = diffarch::Ddim>
[[nodiscard]] diffarch::AnySampler<Scalar> fitted_sampler(const std::string& backend, const A& architecture,
                                                          const diffarch::Batch<Scalar>& data,
                                                          const diffarch::NoiseLevels& levels, const Rule& rule = {}) {
  return on_backend(backend, [&]<class B>(std::type_identity<B>) {
    auto sampler = sampler_on<B, Scalar>(architecture, levels, rule);
    sampler.fit(data);
    return sampler;
  });
}

/// The linear denoiser of exact moments on the backend of --backend.
template <class Scalar>
[[nodiscard]] diffarch::AnySampler<Scalar> moments_sampler(const std::string& backend,
                                                           const diffarch::GaussianMoments<Scalar>& moments,
                                                           const diffarch::NoiseLevels& levels) {
  return on_backend(backend, [&]<class B>(std::type_identity<B>) { return moments_sampler_on<B>(moments, levels); });
}

/// A fitted polynomial on all monomials, which samples on the backend of --backend.
template <bool is_conservative>
[[nodiscard]] diffarch::AnySampler<double> monomials_sampler(
    const std::string& backend, const diffarch::MonomialDenoiser<double, is_conservative>& model,
    const std::string& architecture, const diffarch::NoiseLevels& levels) {
  return on_backend(
      backend, [&]<class B>(std::type_identity<B>) { return monomials_sampler_on<B>(model, architecture, levels); });
}

/// The model of `fitted`, which is one of the same architecture, sampled along other levels by a rule.
template <class Scalar, class A, class Rule>
[[nodiscard]] diffarch::AnySampler<Scalar> resampled(const diffarch::AnySampler<Scalar>& fitted, const A& architecture,
                                                     const diffarch::NoiseLevels& levels, const Rule& rule) {
  return on_backend(fitted.backend(), [&]<class B>(std::type_identity<B>) {
    auto sampler = sampler_on<B, Scalar>(architecture, levels, rule);
    sampler.set_model_of(fitted);
    return sampler;
  });
}

/// The model of a sampler of the linear family on the host, for what is measured there.
template <class Scalar>
[[nodiscard]] diffarch::GaussianDenoiser<diffarch::Cpu, Scalar> host_model(
    const diffarch::AnySampler<Scalar>& sampler) {
  auto spectrum = *sampler.spectrum();
  const diffarch::Index rank = spectrum.eigenvalues.size();
  return diffarch::GaussianDenoiser<diffarch::Cpu, Scalar>(
      diffarch::PrincipalComponents<Scalar, diffarch::Cpu>{.mean = std::move(spectrum.mean),
                                                           .eigenvalues = std::move(spectrum.eigenvalues),
                                                           .basis = std::move(spectrum.basis),
                                                           .rank = rank});
}

}  // namespace figures
