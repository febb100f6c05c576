// Figure 4: a denoiser with a bottleneck of one number, in the plane.
//
// Three blobs, and for every noise level a network 2 -> 64 -> h -> 64 -> 2 trained to remove the noise. With h = 1 all
// that the last network can put out is one curve, a polyline with a bend where a hidden value changes sign: it can be
// computed from the weights, and the last step of the sampler returns a point of it (Theorem 6). We draw it on top of
// the samples and print the largest distance between the two. h = 2 is no bottleneck for points of the plane.

#include "common/figure_report.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/nn/decoder_polyline.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace {

using namespace diffarch;
using namespace figures;

constexpr double limit = 3.6;

Panel framed(const std::string& title, std::vector<Series> series) {
  return {.title = title,
          .series = std::move(series),
          .equal_aspect = true,
          .x_range = PlotRange{-limit, limit},
          .y_range = PlotRange{-limit, limit}};
}

/// Trains, samples and draws one bottleneck; its training losses join `losses`.
template <int H>
Panel bottleneck(const FigureOptions& options, const TrainingOptions& training, const Batch<double>& data,
                 FigureReport& report, std::vector<Series>& losses) {
  using Architecture = Bottleneck<H, BottleneckForm::plane>;
  DiffusionSampler<Architecture, CosineSchedule, Cpu, Ddim, double> sampler{Architecture{training},
                                                                            CosineSchedule{.steps = options.steps}};
  sampler.set_progress(ConsoleProgress{});
  sampler.fit(data);
  const Batch<double> samples = options.noise.empty() ? sampler.sample(options.samples, Seed{options.seed})
                                                      : sampler.sample_from(read_npy_batch<double>(options.noise));
  const auto& levels = sampler.model().levels();
  Series loss{.label = detail::concat("h = ", H), .x = {}, .y = {}, .style = SeriesStyle::lines_points};
  Json per_level = Json::array();
  for (const auto& level : levels) {
    per_level.push_back({{"sigma", level.level.sigma()}, {"losses", level.losses}});
    loss.x.push_back(level.level.sigma());
    loss.y.push_back(level.losses.back());
  }
  losses.push_back(std::move(loss));
  Json entry = {{"architecture", sampler.architecture().name()}, {"levels", per_level}};
  Panel panel = framed(detail::concat("samples, h = ", H), {scatter("samples", samples)});
  if constexpr (H == 1) {
    constexpr double largest_code = 1e4;
    const Batch<double> corners = nn::decoder_polyline(levels.back().network->body(), -largest_code, largest_code);
    const double distance = nn::distance_to_polyline(samples, corners).maxCoeff();
    entry["largest_distance_to_polyline"] = distance;
    entry["polyline_bends"] = corners.cols() - 2;
    std::printf("h = 1: the samples lie within %.2g of a polyline with %ld bends\n", distance,
                static_cast<long>(corners.cols() - 2));
    panel.series.push_back(scatter("outputs of the last network", corners));
    panel.series.back().style = SeriesStyle::lines;
    panel.series.back().colour = "#d55e00";
  }
  report["rows"].push_back(std::move(entry));
  if (options.save_npy) {
    const auto file = report.path(detail::concat("bottleneck_", H, ".npy"));
    write_npy_batch(file, samples);
    report.add_file(file);
  }
  return panel;
}

void run(const FigureOptions& options, const TrainingOptions& training) {
  detail::require(options.data == "mixtures" && options.size == 0,
                  "figure 4 is about a 2-D mixture: --data can only be 'mixtures', and --size does not apply");
  detail::require(options.double_precision, "figure 4 works in double precision: --dtype f64");
  FigureReport report(options, CosineSchedule{.steps = options.steps}, Ddim{});
  const Index count = options.count > 0 ? options.count : 1000;
  report["settings"]["count"] = count;
  report["settings"]["epochs"] = training.epochs;
  report["settings"]["batch_size"] = training.batch_size;
  report["settings"]["learning_rate"] = training.learning_rate;
  const Batch<double> data = three_component_mixture().sample(count, Seed{options.seed});
  std::vector<Series> losses;
  std::vector<Panel> panels{framed("training data", {scatter("training samples", data)})};
  panels.push_back(bottleneck<1>(options, training, data, report, losses));
  panels.push_back(bottleneck<2>(options, training, data, report, losses));
  panels.push_back({.title = "mean squared error after training",
                    .x_label = "sigma",
                    .series = losses,
                    .log_x = true,
                    .log_y = true});
  report.add_plot("fig4_bottleneck_2d.png", panels,
                  {.columns = 4,
                   .title = detail::concat("Networks with a bottleneck of h numbers, one for each of ", options.steps,
                                           " DDIM steps")});
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Figure 4: samples of trained networks with a bottleneck, in the plane", "fig4_bottleneck_2d");
  FigureOptions options{.data = "mixtures", .samples = 2000, .measured = 1, .steps = 50, .double_precision = true};
  TrainingOptions training{.epochs = 500, .batch_size = 64, .learning_rate = 1e-3, .warm_start = true};
  add_figure_options(app, options);
  app.add_option("--epochs", training.epochs, "Passes over the data for each noise level")->capture_default_str();
  app.add_option("--batch-size", training.batch_size, "Samples of a training step")->capture_default_str();
  app.add_option("--learning-rate", training.learning_rate, "Of Adam")->capture_default_str();
  return run_program(app, options, argc, argv, [&] {
    TrainingOptions seeded = training;
    seeded.seed = Seed{options.seed};
    if (options.quick) seeded.epochs = std::min<Index>(seeded.epochs, 20);
    run(options, seeded);
  });
}
