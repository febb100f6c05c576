#pragma once

#include <algorithm>
#include <chrono>

#include "diffarch/analysis/curl_asymmetry.hpp"
#include "diffarch/denoiser/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/random_feature_denoiser.hpp"
#include "diffarch/denoiser/spectral_polynomial_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "figure_data.hpp"
#include "polynomial_row.hpp"

namespace figures {

using namespace diffarch;

/// Where the diagnostics of all models look.
struct PolynomialProbes {
  Matrix<double> theta;       ///< unit directions: towards training images, and random ones in their span
  Matrix<double> directions;  ///< orthonormal, for the Jacobian
  Batch<float> clean;         ///< images to which noise is added ...
  Batch<float> noise;         ///< ... and the noise
};
PolynomialProbes polynomial_probes(const Batch<float>& images);

/// What a fitted architecture has generated.
struct PolynomialRun {
  std::string architecture;
  double fit_seconds;
  EscapeLog log;               ///< of the samples shown
  Batch<float> shown;          ///< (d, samples)
  Json levels = {};            ///< diagnostics, of true polynomials
  EscapeLog measured_log;      ///< of the samples measured
  Batch<float> measured = {};  ///< (d, setting.measured), or empty
};
/// Measures, prints and adds to the report.
PolynomialRow report_polynomial_row(const std::string& name, PolynomialRun run, const PolynomialSetting& setting,
                                    FigureReport& report);

/// Sign of the leading form, curl and condition of a polynomial at some levels of its schedule.
template <class Model>
Json polynomial_diagnostics(const Model& model, const NoiseLevels& levels, const PolynomialProbes& probes) {
  Json list = Json::array();
  const Index stride = std::max<Index>(1, levels.steps() / 5);
  for (Index step = stride - 1; step < levels.steps(); step += stride) {
    const NoiseLevel level = levels[step];
    const Vector<double> form = model.leading_form(probes.theta, level);
    const Batch<float> y =
        static_cast<float>(level.signal) * probes.clean + static_cast<float>(level.noise) * probes.noise;
    Json entry = {{"sigma", level.sigma()},
                  {"leading_form_positive_fraction", (form.array() > 0.0).template cast<double>().mean()},
                  {"curl_asymmetry", curl_asymmetry(model, y, probes.directions, level)}};
    if constexpr (requires { model.condition(level); }) entry["condition"] = model.condition(level);
    list.push_back(std::move(entry));
  }
  return list;
}

template <class Architecture>
PolynomialRow run_polynomial_row(const std::string& name, const Architecture& architecture,
                                 const PolynomialSetting& setting, FigureReport& report) {
  const auto start = std::chrono::steady_clock::now();
  const Batch<float>& images = setting.training.samples();
  DiffusionSampler<Architecture, CosineSchedule> sampler{architecture, setting.schedule};
  sampler.set_progress(ConsoleProgress{});
  if (setting.clip) sampler.set_clip(*setting.clip);
  sampler.fit(images);
  const std::chrono::duration<double> fit_time = std::chrono::steady_clock::now() - start;
  const EscapeLog log = escape_log(images);
  PolynomialRun run{.architecture = architecture.name(),
                    .fit_seconds = fit_time.count(),
                    .log = log,
                    .shown = {},
                    .measured_log = log};
  run.shown = sampler.sample_from(setting.noise, run.log);
  if constexpr (requires { sampler.model().leading_form(Matrix<double>{}, sampler.levels()[0]); })
    run.levels = polynomial_diagnostics(sampler.model(), sampler.levels(), polynomial_probes(images));
  if (setting.measured >= 2)
    run.measured = sampler.sample(setting.measured, Seed{setting.options.seed + 1}, run.measured_log);
  return report_polynomial_row(name, std::move(run), setting, report);
}

template <class Architecture>
AnyArchitecture<float> any_polynomial(const Architecture& architecture) {
  return AnyArchitecture<float>::of(architecture);
}

}  // namespace figures
