#include "spectrum_schedules/models.hpp"

#include <cmath>
#include <cstdio>
#include <string>

#include "diffarch/analysis/energy_distance.hpp"
#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/sampler/dpm_solver.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/sampler/sample.hpp"
#include "diffarch/schedule/custom.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/spectrum_optimal.hpp"

namespace spectrum_schedules {

namespace {

constexpr Index many_steps = 150;

/// How far samples of one rule on one schedule are from those of many steps.
struct Error {
  std::string contender;
  Index calls;
  double difference;       ///< root mean square, per element, from the same noise
  double energy_distance;  ///< from other noise
};

/// Samples a model by every contender and compares.
template <class Model>
class ModelComparison {
 public:
  using Scalar = typename Model::Scalar;

  ModelComparison(const Model& model, const Vector<double>& eigenvalues, double sigma_T, Index samples, Seed seed)
      : model_(model),
        eigenvalues_(eigenvalues),
        sigma_T_(sigma_T),
        noise_(normal_batch<Scalar>(model.dimension(), samples, seed)) {
    const KarrasSchedule schedule{.steps = many_steps, .sigma_max = sigma_T};
    reference_ = sample_from(model, schedule, noise_, Heun{});
    const Batch<Scalar> other = normal_batch<Scalar>(model.dimension(), samples, Seed{seed.value + 1});
    other_reference_ = sample_from(model, schedule, other, Heun{});
  }

  /// Energy distance of two sets of many-step samples: what sampling error alone gives.
  [[nodiscard]] double energy_distance_of_references() const { return energy_distance(reference_, other_reference_); }

  [[nodiscard]] std::vector<Error> run(Index calls) const {
    const Index steps_of_heun = (calls + 1) / 2;
    const auto karras = [&](Index steps) { return KarrasSchedule{.steps = steps, .sigma_max = sigma_T_}.levels(); };
    const auto optimal = [&](Index steps, const auto& rule) {
      return SpectrumOptimalSchedule(eigenvalues_, steps, rule, sigma_T_).levels();
    };
    return {error("DDIM, cosine", calls, CosineSchedule{.steps = calls}.levels(), Ddim{}),
            error("DDIM, Karras", calls, karras(calls), Ddim{}),
            error("DDIM, optimal", calls, optimal(calls, Ddim{}), Ddim{}),
            error("Heun, Karras", calls, karras(steps_of_heun), Heun{}),
            error("Heun, optimal", calls, optimal(steps_of_heun, Heun{}), Heun{}),
            error("DPM-Solver++(2M), Karras", calls, karras(calls), DpmSolver2M{}),
            error("DPM-Solver++(2M), optimal", calls, optimal(calls, DpmSolver2M{}), DpmSolver2M{})};
  }

 private:
  template <class Rule>
  [[nodiscard]] Error error(const std::string& name, Index calls, const NoiseLevels& levels, const Rule& rule) const {
    const Batch<Scalar> samples = sample_from(model_, CustomSchedule({levels.begin(), levels.end()}), noise_, rule);
    const double squared = (samples - reference_).template cast<double>().squaredNorm();
    return {name, calls, std::sqrt(squared / static_cast<double>(samples.size())),
            energy_distance(samples, other_reference_)};
  }

  const Model& model_;
  const Vector<double>& eigenvalues_;
  double sigma_T_;
  Batch<Scalar> noise_;
  Batch<Scalar> reference_;
  Batch<Scalar> other_reference_;
};

/// Prints, reports and plots the comparison of one model.
template <class Model>
Panel compare_model(const std::string& name, const Model& model, const Vector<double>& eigenvalues,
                    const std::vector<Index>& calls, double sigma_T, Index samples, Seed seed,
                    figures::FigureReport& report) {
  const ProgressCallback bar = ConsoleProgress{};
  ProgressReporter progress(bar, name, std::ssize(calls) + 1);
  const ModelComparison comparison(model, eigenvalues, sigma_T, samples, seed);
  progress.advance();
  const double floor = comparison.energy_distance_of_references();
  std::vector<std::vector<Error>> errors;
  for (const Index number : calls) {
    errors.push_back(comparison.run(number));
    progress.advance();
  }
  std::printf(
      "\n%s: rms difference to %ld steps of Heun from the same noise (energy distance from other noise; of two "
      "sets of many steps: %.2g)\n%-26s",
      name.c_str(), static_cast<long>(many_steps), floor, "calls");
  for (const Index number : calls) std::printf(" %18ld", static_cast<long>(number));
  std::printf("\n");
  Panel panel{.title = name,
              .x_label = "calls of the denoiser",
              .y_label = "rms difference to many steps",
              .log_x = true,
              .log_y = true,
              .legend_beside = true};
  for (std::size_t contender = 0; contender < errors.front().size(); ++contender) {
    Series series{.label = errors.front()[contender].contender,
                  .x = {},
                  .y = {},
                  .style = SeriesStyle::lines_points,
                  .point_size = 0.6};
    std::printf("%-26s", series.label.c_str());
    for (const std::vector<Error>& of_calls : errors) {
      const Error& error = of_calls[contender];
      std::printf("  %8.4f (%+7.3f)", error.difference, error.energy_distance);
      series.x.push_back(static_cast<double>(error.calls));
      series.y.push_back(error.difference);
      report["models"].push_back({{"model", name},
                                  {"contender", error.contender},
                                  {"calls", error.calls},
                                  {"rms_difference_to_many_steps", error.difference},
                                  {"energy_distance_to_many_steps", error.energy_distance},
                                  {"energy_distance_of_many_steps", floor}});
    }
    std::printf("\n");
    panel.series.push_back(std::move(series));
  }
  return panel;
}

/// The posterior mean over the training set blurred by noise of standard deviation f: with sigma_f^2 = sigma^2 + f^2
/// and z = y / signal, D(z) = (sigma^2 Ideal(z, sigma_f) + f^2 z) / sigma_f^2.
template <class Scalar, class Ideal>
[[nodiscard]] auto with_floor(const Ideal& ideal, double floor) {
  return make_denoiser<Scalar>(ideal.dimension(), [&ideal, floor](const Batch<Scalar>& y, NoiseLevel level) {
    const double sigma = level.sigma();
    const double blurred = std::hypot(sigma, floor);
    const Batch<Scalar> z = y / static_cast<Scalar>(level.signal);
    const auto weight = static_cast<Scalar>(sigma / blurred * (sigma / blurred));
    return Batch<Scalar>(weight * ideal.denoise(z, NoiseLevel::from_sigma(blurred)) + (Scalar(1) - weight) * z);
  });
}

}  // namespace

std::vector<std::string> model_names() { return {"ideal_floor", "local_score"}; }

template <class Scalar>
void compare_models(const Dataset<Scalar>& images, const Vector<double>& eigenvalues, const std::vector<Index>& calls,
                    double sigma_T, const ModelOptions& options, std::uint64_t seed, figures::FigureReport& report) {
  std::vector<Panel> panels;
  const KarrasSchedule schedule{.sigma_max = sigma_T};
  for (const std::string& name : options.models) {
    if (name == "ideal_floor") {
      const auto ideal = fit(Ideal{}, images.samples(), schedule);
      Vector<double> blurred = Vector<double>::Zero(images.samples().rows());
      blurred.head(eigenvalues.size()) = eigenvalues;
      blurred.array() += options.floor * options.floor;
      panels.push_back(compare_model(detail::concat("Ideal, training set blurred by ", options.floor),
                                     with_floor<Scalar>(ideal, options.floor), blurred, calls, sigma_T, options.samples,
                                     Seed{seed}, report));
    } else {
      const auto local = fit(LocalScore{.shape = images.shape()}, images.samples(), schedule);
      panels.push_back(
          compare_model("LocalScore", local, eigenvalues, calls, sigma_T, options.samples, Seed{seed}, report));
    }
  }
  if (panels.empty()) return;
  report.add_plot("spectrum_schedules_models.png", panels,
                  {.columns = 1,
                   .panel_width = 760,
                   .panel_height = 440,
                   .title = "Levels that are optimal for the spectrum, on denoisers that are not linear"});
}

template void compare_models(const Dataset<float>&, const Vector<double>&, const std::vector<Index>&, double,
                             const ModelOptions&, std::uint64_t, figures::FigureReport&);
template void compare_models(const Dataset<double>&, const Vector<double>&, const std::vector<Index>&, double,
                             const ModelOptions&, std::uint64_t, figures::FigureReport&);

}  // namespace spectrum_schedules
