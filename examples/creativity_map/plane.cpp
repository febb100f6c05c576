// Divergences in the plane: what is new and unlike the data costs nats here.

#include "creativity_map/plane.hpp"

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/report/flow.hpp"
#include "diffarch/analysis/kullback_leibler.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "diffarch/schedule/custom.hpp"

namespace figures {

namespace {

using namespace diffarch;
using Json = nlohmann::ordered_json;

constexpr double noise = 0.2;  // on both sides
constexpr double sigma_T = 40.0;

struct Plane {
  GaussianMixture<double> mixture;  ///< with noise
  Batch<double> training;           ///< without
  Batch<double> data;               ///< fresh points, with noise
  NoiseLevels levels;
  Seed seed;
};

/// A divergence in nats; no value: infinite.
using Divergence = std::optional<KullbackLeibler>;

/// KL(data to generated): infinite when some of the data lie where the model generates nothing, whose share is given.
template <class Model>
Divergence divergence_of_data(const Model& model, const Plane& plane, double& not_generated) {
  const auto found = log_densities(model, plane.levels, plane.data);
  Vector<double> log_generated(plane.data.cols());
  Index outside = 0;
  for (Index i = 0; i < log_generated.size(); ++i) {
    const std::optional<double>& one = found[static_cast<std::size_t>(i)];
    outside += one ? 0 : 1;
    log_generated(i) = one.value_or(0.0);
  }
  not_generated = static_cast<double>(outside) / static_cast<double>(log_generated.size());
  if (outside > 0) return std::nullopt;
  return kullback_leibler(plane.mixture.log_density(plane.data), log_generated);
}

/// KL(generated to data): infinite when samples run away.
template <class Model>
Divergence divergence_of_generated(const Model& model, const Plane& plane) {
  try {
    return kullback_leibler(flow_samples(model, plane.levels, plane.data.cols(), plane.seed),
                            [&](const Batch<double>& x) { return plane.mixture.log_density(x); });
  } catch (const NumericalError&) {
    return std::nullopt;
  }
}

Json to_json(const Divergence& divergence) {
  if (!divergence) return "infinite";
  return {{"nats", divergence->value}, {"standard_error", divergence->standard_error}};
}

std::string text_of(const Divergence& divergence) {
  char text[40] = "infinite";
  if (divergence)
    std::snprintf(text, sizeof text, "%.3f (+- %.3f)", divergence->value, 1.96 * divergence->standard_error);
  return text;
}

/// A row of an architecture that is fitted at the levels of a schedule.
template <class Architecture, class S>
Json row_of(const Architecture& architecture, const S& schedule, const Plane& plane) {
  const auto model = fit(architecture, plane.training, schedule);
  double not_generated = 0.0;
  const Divergence data = divergence_of_data(model, plane, not_generated);
  const Divergence generated = divergence_of_generated(model, plane);
  std::printf("%-34s %-24s %-24s %5.1f %%\n", architecture.name().c_str(), text_of(data).c_str(),
              text_of(generated).c_str(), 100.0 * not_generated);
  std::fflush(stdout);
  return {{"architecture", architecture.name()},
          {"data_to_generated", to_json(data)},
          {"generated_to_data", to_json(generated)},
          {"share_of_data_not_generated", not_generated}};
}

}  // namespace

Json divergences_in_the_plane(Index samples, Seed seed) {
  detail::require(samples >= 2, "divergences_in_the_plane: samples = ", samples, ", expected at least 2");
  const GaussianMixture<double> clean = three_component_mixture();
  const Plane plane{clean.with_noise(noise), clean.sample(1000, seed),
                    clean.with_noise(noise).sample(samples, Seed{seed.value + 1}), flow_levels(sigma_T, noise),
                    Seed{seed.value + 2}};
  // Closed forms are fitted where the flow asks for them: at its levels and half-way between them.
  std::vector<NoiseLevel> asked;
  const NoiseLevels fine = flow_levels(sigma_T, noise, 47);
  for (Index i = 0; i < fine.noisy_levels(); ++i) asked.push_back(fine[i]);
  asked.push_back({});
  const CustomSchedule closed_forms(std::move(asked));
  const CosineSchedule trained{.steps = 8};
  const TrainingOptions training{
      .epochs = 60, .batch_size = 50, .learning_rate = 3e-3, .warm_start = true, .seed = seed};
  std::printf("\n%-34s %-24s %-24s %s\n", "In the plane, nats (95 %)", "KL(data to generated)", "KL(generated to data)",
              "data not generated");
  Json rows = Json::array();
  rows.push_back(row_of(Linear{}, closed_forms, plane));
  rows.push_back(row_of(Polynomial<3>{}, closed_forms, plane));
  rows.push_back(row_of(Polynomial<5>{}, closed_forms, plane));
  rows.push_back(row_of(Bottleneck<1, BottleneckForm::plane>{.training = training}, trained, plane));
  rows.push_back(row_of(Bottleneck<2, BottleneckForm::plane>{.training = training}, trained, plane));
  rows.push_back(row_of(Ideal{}, closed_forms, plane));
  return {{"noise", noise}, {"training_points", plane.training.cols()}, {"samples", samples}, {"rows", rows}};
}

}  // namespace figures
