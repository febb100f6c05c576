// Figure 3: polynomial denoisers in the plane.
//
// Three blobs, and for each degree d the polynomial of degree d that minimises the denoising error at every noise
// level, computed exactly from the moments of the training set up to 2 d: no noise is drawn. Degree 1 is the linear
// denoiser, and its samples are the Gaussian that theory predicts. Higher degrees come closer to the data. The best
// polynomial is not a gradient for d >= 2: we print the asymmetry of its Jacobian. The second row is the best
// polynomial that is one (D = y + sigma^2 grad Q), with exp(Q), the density whose score it is at the last noise level.

#include <limits>
#include <numbers>

#include "common/architectures/samplers.hpp"
#include "common/data/figure_data.hpp"
#include "common/options/command_line.hpp"
#include "common/report/figure_report.hpp"
#include "diffarch/analysis/curl_asymmetry.hpp"
#include "diffarch/analysis/sample_moments.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace {

using namespace diffarch;
using namespace figures;

constexpr double limit = 3.6;

/// Unit vectors around the circle, (2, count).
Matrix<double> circle(Index count) {
  Matrix<double> directions(2, count);
  for (Index i = 0; i < count; ++i) {
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(count);
    directions.col(i) << std::cos(angle), std::sin(angle);
  }
  return directions;
}

/// A function of y on the square [-limit, limit]^2 as a map.
template <class Function>
HeatMap map_of(const Function& function) {
  constexpr Index cells = 121;
  Batch<double> points(2, cells * cells);
  for (Index i = 0; i < cells; ++i)
    for (Index j = 0; j < cells; ++j)
      points.col(i * cells + j) << -limit + 2.0 * limit * static_cast<double>(j) / (cells - 1),
          -limit + 2.0 * limit * static_cast<double>(i) / (cells - 1);
  return {.values = function(points).reshaped(cells, cells).transpose(), .x = {-limit, limit}, .y = {-limit, limit}};
}

/// Samples that stayed inside the frame of the plots.
Batch<double> inside(const Batch<double>& samples) {
  std::vector<Index> kept;
  for (Index i = 0; i < samples.cols(); ++i)
    if (samples.col(i).cwiseAbs().maxCoeff() <= limit) kept.push_back(i);
  return samples(Eigen::all, kept);
}

struct Figure {
  const FigureOptions& options;
  CosineSchedule schedule;
  FigureReport& report;
  Batch<double> training;
  Batch<double> noise;
  std::vector<Panel> plain_row = {};
  std::vector<Panel> conservative_row = {};
  std::vector<Series> curl = {};

  template <class Architecture>
  void add(const Architecture& architecture, std::vector<Panel>& row) {
    const auto model = fit(architecture, training, schedule, Cpu{}, ConsoleProgress{});
    EscapeLog log(10.0 * std::sqrt(training.squaredNorm() / static_cast<double>(training.size())));
    const Batch<double> samples =
        monomials_sampler(options.backend, model, architecture.name(), schedule.levels()).sample_from(noise, log);
    row.push_back(describe(model, architecture.name(), samples, log));
    report.save_partial();
  }

  /// Prints and reports what the model generated, and returns its picture.
  template <class Model>
  Panel describe(const Model& model, const std::string& name, const Batch<double>& samples, const EscapeLog& log) {
    const NoiseLevels levels = schedule.levels();
    const Batch<double> probes = normal_batch<double>(2, 200, Seed{options.seed}, Stream{1U << 16U});
    Series asymmetry{.label = name, .x = {}, .y = {}, .style = SeriesStyle::lines_points};
    Json per_level = Json::array();
    bool runs_away = false;
    for (Index step = 0; step < levels.steps(); ++step) {
      const NoiseLevel level = levels[step];
      const Batch<double> y = level.signal * training.leftCols(std::min<Index>(200, training.cols())) +
                              level.noise * probes.leftCols(std::min<Index>(200, training.cols()));
      const Vector<double> form = model.leading_form(circle(360), level);
      const double curl_at_level = curl_asymmetry(model, y, Matrix<double>::Identity(2, 2), level);
      runs_away = runs_away || (model.degree() > 1 && form.maxCoeff() > 0.0);
      per_level.push_back({{"sigma", level.sigma()},
                           {"condition", model.condition(level)},
                           {"leading_form_minimum", form.minCoeff()},
                           {"leading_form_maximum", form.maxCoeff()},
                           {"curl_asymmetry", curl_at_level}});
      if (step == 0) continue;  // sigma = 2e4 would squeeze the rest of the axis
      asymmetry.x.push_back(level.sigma());
      asymmetry.y.push_back(std::max(curl_at_level, 1e-18));
    }
    const double fraction = static_cast<double>(log.escapes().size()) / static_cast<double>(samples.cols());
    const Batch<double> kept = inside(samples);
    const double undefined = std::numeric_limits<double>::quiet_NaN();  // null in the JSON
    Vector<double> mean = Vector<double>::Constant(2, undefined);
    Matrix<double> covariance = Matrix<double>::Constant(2, 2, undefined);
    if (kept.cols() >= 1) {
      mean = sample_mean(kept);
      covariance = sample_covariance(kept);
    }
    const double condition = per_level.back()["condition"];
    std::printf(
        "%s: condition %.3g at the last level, escaped %.4f, leading form %s, covariance of the others [%.4f %.4f; "
        "%.4f]\n",
        name.c_str(), condition, fraction,
        runs_away ? "positive in some direction at some level" : "negative everywhere", covariance(0, 0),
        covariance(0, 1), covariance(1, 1));
    report["rows"].push_back({{"architecture", name},
                              {"escape_limit_rms", log.limit()},
                              {"escaped_fraction", fraction},
                              {"escapes", to_json(log.escapes())},
                              {"levels", per_level},
                              {"mean", to_json(mean)},
                              {"covariance", to_json(Vector<double>(covariance.reshaped()))}});

    Panel panel{.title = detail::concat(name, ", ", log.escapes().size(), " of ", samples.cols(), " escaped"),
                .equal_aspect = true,
                .x_range = PlotRange{-limit, limit},
                .y_range = PlotRange{-limit, limit}};
    if constexpr (requires { model.log_density(samples, levels[0]); })
      panel.heat_map = map_of([&](const Batch<double>& points) {
        const NoiseLevel last = levels[levels.steps() - 1];
        const Vector<double> log_density = model.log_density(last.signal * points, last);
        // Relative to its largest value on the data; where the leading form is positive it grows beyond, without bound.
        const double top = model.log_density(last.signal * training, last).maxCoeff();
        return Vector<double>((log_density.array() - top).cwiseMin(0.0).exp());
      });
    if (kept.cols() >= 1)
      panel.series.push_back(scatter("samples", kept));
    else  // a panel must show something
      panel.series.push_back(scatter("training samples; all samples lie outside", training));
    if (model.degree() == 1) {
      const auto linear = fit(Linear{}, training, schedule);
      const PredictedGaussian predicted = predicted_distribution(linear, schedule).finite_steps;
      for (const double radius : {1.0, 2.0}) {
        const Batch<double> ellipse =
            (radius * linear.basis() * predicted.mode_variance.cwiseSqrt().asDiagonal() * circle(128)).colwise() +
            predicted.mean;
        panel.series.push_back(scatter(radius == 1.0 ? "predicted Gaussian, 1 and 2 sigma" : "", ellipse));
        panel.series.back().style = SeriesStyle::lines;
        panel.series.back().colour = "#d55e00";
      }
    }
    curl.push_back(std::move(asymmetry));
    if (options.save_npy) {
      const auto file =
          report.path(detail::concat(Model::is_conservative ? "conservative_" : "degree_", model.degree(), ".npy"));
      write_npy_batch(file, samples);
      report.add_file(file);
    }
    return panel;
  }

  template <int... Degrees>
  void add_degree(int degree) {
    static_cast<void>(((degree == Degrees && (add(Polynomial<Degrees>{}, plain_row),
                                              add(Polynomial<Degrees, Conservative>{}, conservative_row), true)) ||
                       ...));
  }
};

void run(const FigureOptions& options, const std::vector<int>& degrees) {
  detail::require(options.data == "mixtures" && options.size == 0,
                  "figure 3 is about a 2-D mixture: --data can only be 'mixtures', and --size does not apply");
  require_backend(options.backend);
  detail::require(options.double_precision, "figure 3 works in double precision: --dtype f64");
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const Index count = options.count > 0 ? options.count : 1000;
  detail::require(count >= 3, "--count ", count, ": expected at least 3 points, whose covariance can have two modes");
  report["settings"]["count"] = count;
  Figure figure{.options = options,
                .schedule = schedule,
                .report = report,
                .training = three_component_mixture().sample(count, Seed{options.seed}),
                .noise = initial_noise<double>(options, ImageShape{1, 2, 1})};
  for (const int degree : degrees) figure.add_degree<1, 2, 3, 4, 5, 7, 9, 11>(degree);

  std::vector<Panel> panels{{.title = "training data",
                             .series = {scatter("training samples", figure.training)},
                             .heat_map = map_of([](const auto& y) { return three_component_mixture().density(y); }),
                             .equal_aspect = true,
                             .x_range = PlotRange{-limit, limit},
                             .y_range = PlotRange{-limit, limit}}};
  panels.insert(panels.end(), figure.plain_row.begin(), figure.plain_row.end());
  panels.push_back({.title = "curl: |J - J^T| / |J|",
                    .x_label = "sigma",
                    .series = figure.curl,
                    .log_x = true,
                    .log_y = true,
                    .y_range = PlotRange{1e-18, 1e10}});
  panels.insert(panels.end(), figure.conservative_row.begin(), figure.conservative_row.end());
  report.add_plot("fig3_polynomial_2d.png", panels,
                  {.columns = static_cast<Index>(degrees.size()) + 1,
                   .title = detail::concat("Samples of polynomial denoisers, ", options.steps,
                                           " DDIM steps; below: denoisers that are gradients, with their density")});
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Figure 3: samples of the best polynomial denoisers of three blobs in the plane",
                   "fig3_polynomial_2d");
  FigureOptions options{.data = "mixtures", .samples = 2000, .measured = 1, .steps = 50, .double_precision = true};
  std::vector<int> degrees{1, 3, 5, 7};
  add_figure_options(line, options);
  line.add({"--degrees", &degrees, "Degrees, comma separated, out of 1, 2, 3, 4, 5, 7, 9, 11",
            one_of_numbers({1, 2, 3, 4, 5, 7, 9, 11})});
  return run_program(line, options, argc, argv, [&] {
    require_distinct("--degrees", degrees);
    run(options, degrees);
  });
}
