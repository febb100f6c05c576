// Polynomial denoisers of images, f32, for peers/ (see measured_case.hpp). Inputs: data.npy (n, d), start.npy (m, d).
//   legacy_3, legacy_9, legacy_27, single_3, exact_3, exact_27
//                 fit and sampling of the 16 first of start.npy with 50 steps in 1024 random features (fewer when the
//                 data have fewer samples). A check of the first four is one prediction at alpha_bar = 0.5 for them,
//                 fitted to the noise of noise.npy (n, d); it also writes the directions and biases that were drawn.
//   patch_level   PatchPolynomial<3, Legacy> at its sixth level of ten: fit and prediction. A check also writes the
//                 directions and R (noise) that all windows share.
//   patch         the same with all ten levels: fit and sampling

#include <algorithm>

#include "diffarch/denoiser/polynomial/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "measured_case.hpp"

namespace {

using namespace diffarch;

constexpr Index samples = 16;
constexpr Index patch_step = 5;

Batch<float> starts(const MeasuredCase& measured) { return measured.read("start").leftCols(samples); }

/// Fitting and sampling. Samples that escape are part of the answer and cost the same.
template <class Architecture>
void fit_and_sample(const MeasuredCase& measured, const Architecture& architecture, const Batch<float>& data,
                    Index steps) {
  const Batch<float> start = starts(measured);
  measured.measure(
      [&] {
        DiffusionSampler<Architecture, CosineSchedule> sampler{architecture, CosineSchedule{.steps = steps}};
        sampler.fit(data);
        EscapeLog log(1e3);
        return sampler.sample_from(start, log);
      },
      [&](const Batch<float>& result) { measured.write(result); });
}

template <int Degree, class Averaging>
void random_features(const MeasuredCase& measured) {
  const Batch<float> data = measured.read("data");
  const RandomFeatures<Averaging> features{.width = std::min<Index>(1024, data.cols()), .keep_levels = false};
  if constexpr (!std::is_same_v<Averaging, ExactAverage>) {
    if (measured.is_check()) {
      const NoiseLevel level = NoiseLevel::from_alpha_bar(0.5);
      const RandomFeatureDenoiser<Averaging, float> model(Degree, features, data);
      const auto fit = model.fit_to_noise(level, model.project(measured.read("noise")));
      const auto coefficients = model.coefficients(model.project(starts(measured)), level, fit);
      measured.write(Batch<float>(model.materialise(coefficients)));
      measured.write(Batch<float>(model.directions()), "directions");
      measured.write<double>(diffarch::detail::draw_biases<Cpu>(features.width, features.bias, features.seed),
                             "biases");
      return;
    }
  }
  fit_and_sample(measured, Polynomial<Degree, RandomFeatures<Averaging>>{features}, data, 50);
}

/// The architecture of square colour images.
PatchPolynomial<3, Legacy> patch_architecture(const Batch<float>& data) {
  const auto side = static_cast<Index>(std::lround(std::sqrt(static_cast<double>(data.rows()) / 3.0)));
  return {.shape = {side, side, 3}, .keep_levels = false};
}

void patch_level(const MeasuredCase& measured) {
  const Batch<float> data = measured.read("data");
  const auto architecture = patch_architecture(data);
  const NoiseLevels levels = CosineSchedule{.steps = 10}.levels();
  const PatchPolynomialDenoiser<3, Legacy, float> model(architecture, data, levels);
  const Batch<float> start = starts(measured);
  const NoiseLevel level = levels[patch_step];
  measured.measure(
      [&] { return model.denoise(start, level); },
      [&](const Batch<float>& predictions) {
        using WindowFit = RandomFeatureFit<Legacy>;
        const Batch<float> directions = model.fit_at(level).directions;
        const Matrix<double> normals = normal_batch<double>(
            directions.cols(), data.cols(), architecture.averaging.noise, streams::fit_noise(level.sigma()));
        measured.write(predictions);
        measured.write(directions, "directions");
        measured.write<double>(WindowFit::noise_factor(WindowFit::noise_of(directions)) * normals, "noise");
      });
}

}  // namespace

int main(int argc, char** argv) {
  return run_measured_case("polynomials", argc, argv, [](const MeasuredCase& measured) {
    const std::string& name = measured.name();
    if (name == "legacy_3") {
      random_features<3, Legacy>(measured);
    } else if (name == "legacy_9") {
      random_features<9, Legacy>(measured);
    } else if (name == "legacy_27") {
      random_features<27, Legacy>(measured);
    } else if (name == "single_3") {
      random_features<3, SingleDraw>(measured);
    } else if (name == "exact_3") {
      random_features<3, ExactAverage>(measured);
    } else if (name == "exact_27") {
      random_features<27, ExactAverage>(measured);
    } else if (name == "patch_level") {
      patch_level(measured);
    } else if (name == "patch") {
      const Batch<float> data = measured.read("data");
      fit_and_sample(measured, patch_architecture(data), data, 10);
    } else {
      return false;
    }
    return true;
  });
}
