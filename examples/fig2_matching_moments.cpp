// Figure 2: two different distributions with equal mean and covariance look the same to a linear denoiser.
//
// Three round blobs on a triangle and two elongated ones are chosen so that mean and covariance agree exactly. A linear
// denoiser is a function of these two moments only (Theorem 3), so both data sets give the same denoiser at every noise
// level, and the sampler generates the same Gaussian from both: neither mixture. We show it twice, fitted on the exact
// moments of the mixtures and fitted on finite training sets whose first two moments were matched to them.

#include <numbers>

#include "common/data/figure_data.hpp"
#include "common/report/linear_row.hpp"
#include "diffarch/analysis/moment_matching.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/denoiser/linear.hpp"

namespace {

using namespace diffarch;
using namespace figures;

/// Ellipse of `radius` standard deviations of a Gaussian with mean (2) and covariance F F^T, `factor` F (2, 2).
Series ellipse(const std::string& label, const Vector<double>& mean, const Matrix<double>& factor, double radius) {
  Series series{.label = label, .x = {}, .y = {}, .style = SeriesStyle::lines, .colour = "#d55e00"};
  for (int i = 0; i <= 128; ++i) {
    const double angle = 2.0 * std::numbers::pi * i / 128.0;
    const Vector<double> point = mean + radius * (std::cos(angle) * factor.col(0) + std::sin(angle) * factor.col(1));
    series.x.push_back(point(0));
    series.y.push_back(point(1));
  }
  return series;
}

/// Density of a mixture on the square [-limit, limit]^2.
HeatMap density_map(const GaussianMixture<double>& mixture, double limit) {
  constexpr Index cells = 121;
  Batch<double> points(2, cells * cells);
  for (Index i = 0; i < cells; ++i)
    for (Index j = 0; j < cells; ++j)
      points.col(i * cells + j) = Vector<double>{{-limit + 2.0 * limit * static_cast<double>(j) / (cells - 1),
                                                  -limit + 2.0 * limit * static_cast<double>(i) / (cells - 1)}};
  const Vector<double> density = mixture.density(points);
  return {.values = density.reshaped(cells, cells).transpose(), .x = {-limit, limit}, .y = {-limit, limit}};
}

template <class Scalar>
void figure(const FigureOptions& options) {
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const ImageShape shape{1, 2, 1};
  const Batch<Scalar> noise = initial_noise<Scalar>(options, shape);
  record_noise(noise, shape, options, report);
  const Index count = options.count > 0 ? options.count : 1000;
  detail::require(count >= 3, "--count ", count, ": expected at least 3 points, whose covariance can have two modes");
  report["settings"]["count"] = count;

  struct Case {
    std::string name;
    std::string title;
    GaussianMixture<double> mixture;
  };
  const std::vector<Case> cases{{"three_components", "three components", three_component_mixture()},
                                {"two_components", "two components", two_component_mixture()}};
  constexpr double limit = 3.6;
  std::vector<Panel> panels;
  std::vector<GaussianDenoiser<Cpu, Scalar>> exact_models;
  std::vector<GaussianDenoiser<Cpu, Scalar>> fitted_models;
  std::vector<Batch<Scalar>> exact_samples;
  std::vector<Batch<Scalar>> fitted_samples;
  for (const Case& c : cases) {
    // Fitted on the exact moments.
    const GaussianMoments<Scalar> moments(c.mixture.mean().template cast<Scalar>(),
                                          c.mixture.covariance().template cast<Scalar>());
    const auto exact_sampler = moments_sampler(options.backend, moments, schedule.levels());
    const auto exact = host_model(exact_sampler);
    exact_models.push_back(exact);
    exact_samples.push_back(exact_sampler.sample_from(noise));

    // Fitted on samples with these moments.
    const Batch<Scalar> drawn = c.mixture.sample(count, Seed{options.seed}).template cast<Scalar>();
    const Dataset<Scalar> training(match_moments(drawn, exact.mean(), exact.basis(), exact.eigenvalues()), shape,
                                   c.title);
    const auto row = run_linear_row(c.name, Linear{}, schedule, training, training, noise, options, report);
    fitted_models.push_back(row.model);
    fitted_samples.push_back(row.shown);

    const Vector<double> deviation = row.prediction.finite_steps.mode_variance.cwiseSqrt();
    const Matrix<double> predicted = row.model.basis().template cast<double>() * deviation.asDiagonal();
    const Vector<double>& mean = row.prediction.finite_steps.mean;
    const PlotRange range{-limit, limit};
    panels.push_back({.title = "data: " + c.title,
                      .series = {scatter("training samples", training.samples())},
                      .heat_map = density_map(c.mixture, limit),
                      .equal_aspect = true,
                      .x_range = range,
                      .y_range = range});
    panels.push_back({.title = detail::concat("generated, linear denoiser, ", options.steps, " steps"),
                      .series = {scatter("samples", row.measured),
                                 ellipse("predicted Gaussian, 1 and 2 sigma", mean, predicted, 1.0),
                                 ellipse("", mean, predicted, 2.0)},
                      .equal_aspect = true,
                      .x_range = range,
                      .y_range = range});
  }

  // Every denoiser of the first mixture against that of the second, at every level, on a wide grid of y.
  const auto largest_difference = [&](const auto& models) {
    double largest = 0.0;
    const Batch<Scalar> probes = normal_batch<Scalar>(2, 4096, Seed{1}, Stream{1U << 16U}) * Scalar(3);
    const NoiseLevels levels = schedule.levels();
    for (Index step = 0; step < levels.steps(); ++step) {
      const NoiseLevel level = levels[step];
      const Batch<Scalar> a = models[0].denoise(probes, level);
      const Batch<Scalar> b = models[1].denoise(probes, level);
      largest = std::max(largest, static_cast<double>((a - b).cwiseAbs().maxCoeff() / a.cwiseAbs().maxCoeff()));
    }
    return largest;
  };
  const auto sample_difference = [](const auto& samples) {
    return static_cast<double>((samples[0] - samples[1]).cwiseAbs().maxCoeff());
  };
  const Json comparison = {{"relative_denoiser_difference_exact_moments", largest_difference(exact_models)},
                           {"relative_denoiser_difference_matched_samples", largest_difference(fitted_models)},
                           {"largest_sample_difference_exact_moments", sample_difference(exact_samples)},
                           {"largest_sample_difference_matched_samples", sample_difference(fitted_samples)}};
  report["comparison"] = comparison;
  for (const auto& [what, value] : comparison.items())
    std::printf("%s: %.3g\n", what.c_str(), value.template get<double>());

  report.add_plot("fig2_matching_moments.png", panels,
                  {.columns = 2, .title = "Equal mean and covariance: equal linear denoisers, equal samples"});
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  FigureOptions options{.data = "mixtures", .samples = 1000, .measured = 4000, .double_precision = true};
  const std::string description = "Figure 2: two mixtures with equal mean and covariance give the same linear denoiser";
  return run_program(description, "fig2_matching_moments", options, argc, argv, [&] {
    detail::require(options.data == "mixtures" && options.size == 0,
                    "figure 2 is about two 2-D mixtures: --data can only be 'mixtures', and --size does not apply");
    require_backend(options.backend);
    if (options.double_precision)
      figure<double>(options);
    else
      figure<float>(options);
  });
}
