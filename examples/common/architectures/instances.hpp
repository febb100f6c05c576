#pragma once

// Definitions behind samplers.hpp and polynomial_levels.hpp, and what a part of the table instantiates of them.

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "common/architectures/polynomial_levels.hpp"
#include "common/architectures/samplers.hpp"
#include "common/architectures/table.hpp"
#include "diffarch/analysis/curl_asymmetry.hpp"
#include "diffarch/denoiser/polynomial/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/denoiser/polynomial/spectral_polynomial_denoiser.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/schedule/custom.hpp"

namespace figures {

using namespace diffarch;

/// Levels as a schedule.
[[nodiscard]] inline CustomSchedule schedule_of(const NoiseLevels& levels) {
  return CustomSchedule(std::vector<NoiseLevel>(levels.begin(), levels.end()));
}

template <class B, class Scalar, class A, class Rule>
AnySampler<Scalar> sampler_on(const A& architecture, const NoiseLevels& levels, const Rule& rule) {
  auto sampler = AnySampler<Scalar>::template on<B>(B::name(), architecture, schedule_of(levels), rule);
  sampler.set_progress(ConsoleProgress{});
  return sampler;
}

template <class B, class Scalar>
AnySampler<Scalar> moments_sampler_on(const GaussianMoments<Scalar>& moments, const NoiseLevels& levels) {
  const CustomSchedule schedule = schedule_of(levels);
  AnySampler<Scalar> sampler(fit(Linear{}, moments, schedule, B{}, ConsoleProgress{}), Linear{}.name(), schedule);
  sampler.set_progress(ConsoleProgress{});
  return sampler;
}

template <class B, bool is_conservative>
AnySampler<double> monomials_sampler_on(const MonomialDenoiser<double, is_conservative>& model,
                                        const std::string& architecture, const NoiseLevels& levels) {
  using Model =
      typename Fitter<Polynomial<1, std::conditional_t<is_conservative, Conservative, Monomials>>, B, double>::Model;
  AnySampler<double> sampler(Model(model), architecture, schedule_of(levels));
  sampler.set_progress(ConsoleProgress{});
  return sampler;
}

template <class B, class A>
std::vector<PolynomialLevel> polynomial_levels_on(const AnySampler<float>& sampler,
                                                  const std::function<PolynomialProbes()>& make_probes) {
  using Model = typename diffarch::detail::ModelOf<A, B, float>::Type;
  std::vector<PolynomialLevel> list;
  if constexpr (requires(const Model& model, NoiseLevel level) { model.leading_form(Matrix<double>{}, level); }) {
    const Model& model = *sampler.target<Model>();
    const PolynomialProbes probes = make_probes();
    const NoiseLevels& levels = sampler.levels();
    const Index stride = std::max<Index>(1, levels.steps() / 5);
    for (Index step = stride - 1; step < levels.steps(); step += stride) {
      const NoiseLevel level = levels[step];
      const Vector<double> form = model.leading_form(probes.theta, level);
      const Batch<float> y =
          static_cast<float>(level.signal) * probes.clean + static_cast<float>(level.noise) * probes.noise;
      list.push_back({.sigma = level.sigma(),
                      .leading_form_positive_fraction = (form.array() > 0.0).template cast<double>().mean(),
                      .curl_asymmetry = curl_asymmetry(model, y, probes.directions, level)});
      if constexpr (requires { model.condition(level); }) list.back().condition = model.condition(level);
    }
  }
  return list;
}

// Addresses of the functions that a line of the table needs on backend B.

template <class B, class Scalar, class A, class... Rules>
constexpr auto functions_of(Fitted<Scalar, A, Rules...> /*line*/) {
  return std::tuple{&sampler_on<B, Scalar, A, Rules>...};
}
template <class B, class A>
constexpr auto functions_of(FittedPolynomial<A> /*line*/) {
  return std::tuple{&sampler_on<B, float, A, Ddim>, &polynomial_levels_on<B, A>};
}
template <class B, class Scalar>
constexpr auto functions_of(FittedToMoments<Scalar> /*line*/) {
  return std::tuple{&moments_sampler_on<B, Scalar>};
}
template <class B, bool is_conservative>
constexpr auto functions_of(Monomial<is_conservative> /*line*/) {
  return std::tuple{&monomials_sampler_on<B, is_conservative>};
}

/// Its explicit instantiation makes the functions of a part of the table on backend B.
template <class B, class P>
struct Instances;
template <class B, class... Lines>
struct Instances<B, Part<Lines...>> {
  static constexpr auto functions = std::tuple_cat(functions_of<B>(Lines{})...);
};

}  // namespace figures
