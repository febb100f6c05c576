#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "diffarch/analysis/curl_asymmetry.hpp"
#include "diffarch/denoiser/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/random_feature_denoiser.hpp"
#include "diffarch/denoiser/spectral_polynomial_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "placed_model_impl.hpp"
#include "polynomial_run.hpp"

namespace figures {

using namespace diffarch;

/// Sign of the leading form, curl and condition of a polynomial at some levels of its schedule.
template <class Model>
std::vector<PolynomialLevel> polynomial_diagnostics(const Model& model, const NoiseLevels& levels,
                                                    const PolynomialProbes& probes) {
  std::vector<PolynomialLevel> list;
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
  return list;
}

template <class B, class Architecture>
PolynomialRun run_polynomial(const Architecture& architecture, const PolynomialTask& task) {
  const auto start = std::chrono::steady_clock::now();
  DiffusionSampler<Architecture, CosineSchedule, B> sampler{architecture, task.schedule};
  sampler.set_progress(ConsoleProgress{});
  if (task.clip) sampler.set_clip(*task.clip);
  sampler.fit(task.images);
  const std::chrono::duration<double> fit_time = std::chrono::steady_clock::now() - start;
  PolynomialRun run{.fit_seconds = fit_time.count(), .log = task.log, .measured_log = task.log};
  run.shown = sampler.sample_from(task.noise, run.log);
  if constexpr (requires { sampler.model().leading_form(Matrix<double>{}, sampler.levels()[0]); })
    run.levels = polynomial_diagnostics(sampler.model(), sampler.levels(), task.probes());
  if (task.measured >= 2) run.measured = sampler.sample(task.measured, task.measured_seed, run.measured_log);
  return run;
}

// What the programs use, on one backend.
#define FIGURES_POLYNOMIAL(B, ...) template PolynomialRun run_polynomial<B>(const __VA_ARGS__&, const PolynomialTask&)
#define FIGURES_RANDOM_POLYNOMIALS_OF(B, Averaging)                 \
  FIGURES_POLYNOMIAL(B, Polynomial<3, RandomFeatures<Averaging>>);  \
  FIGURES_POLYNOMIAL(B, Polynomial<9, RandomFeatures<Averaging>>);  \
  FIGURES_POLYNOMIAL(B, Polynomial<27, RandomFeatures<Averaging>>); \
  FIGURES_POLYNOMIAL(B, PatchPolynomial<3, Averaging>)
#define FIGURES_RANDOM_POLYNOMIALS(B)             \
  FIGURES_RANDOM_POLYNOMIALS_OF(B, ExactAverage); \
  FIGURES_RANDOM_POLYNOMIALS_OF(B, SingleDraw);   \
  FIGURES_RANDOM_POLYNOMIALS_OF(B, Legacy);       \
  FIGURES_FIT(B, PatchPolynomial<3>)
#define FIGURES_SPECTRAL_POLYNOMIALS(B)                                 \
  FIGURES_POLYNOMIAL(B, Linear);                                        \
  FIGURES_POLYNOMIAL(B, Polynomial<3, SpectralFeatures<Monomials>>);    \
  FIGURES_POLYNOMIAL(B, Polynomial<3, SpectralFeatures<Conservative>>); \
  FIGURES_FIT(B, Polynomial<3, SpectralFeatures<Conservative>>)

}  // namespace figures
