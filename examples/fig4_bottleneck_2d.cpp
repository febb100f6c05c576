// Figure 4: a denoiser with a bottleneck of one number, in the plane.
//
// Three blobs, and for every noise level a network 2 -> 64 -> h -> 64 -> 2 trained to remove the noise. With h = 1 all
// that the last network can put out is one curve, a polyline with a bend where a hidden value changes sign: it can be
// computed from the weights, and the last step of the sampler returns a point of it (Theorem 6). We draw it on top of
// the samples and print the largest distance between the two. h = 2 is no bottleneck for points of the plane.

#include "common/data/figure_data.hpp"
#include "common/options/command_line.hpp"
#include "common/training/shared_training.hpp"
#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/denoiser/bottleneck.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/nn/decoder_polyline.hpp"
#include "diffarch/sampler/ddim.hpp"

namespace {

using namespace diffarch;
using namespace figures;

constexpr double limit = 3.6;

const TrainingOptions in_minutes{.epochs = 500, .batch_size = 64, .learning_rate = 1e-3, .warm_start = true};

TrainingOptions in_seconds() {
  TrainingOptions training = in_minutes;
  training.epochs = 20;
  return training;
}

const TrainingProfiles profiles{
    .quick = {.count = 200, .steps = 50, .training = in_seconds()},
    .cpu = {.count = 1000, .steps = 50, .training = in_minutes},
    .paper = {.count = 1000, .steps = 50, .training = {.epochs = 500, .batch_size = 16, .learning_rate = 1e-4}}};

Panel framed(const std::string& title, std::vector<Series> series) {
  return {.title = title,
          .series = std::move(series),
          .equal_aspect = true,
          .x_range = PlotRange{-limit, limit},
          .y_range = PlotRange{-limit, limit}};
}

/// What the two networks share, and what they add to the figure.
struct Figure {
  const FigureOptions& options;
  const NetworkOptions& network;
  CosineSchedule schedule;
  const Batch<double>& data;
  const Batch<double>& noise;  ///< from --noise; empty: from the seed
  FigureReport& report;
  std::vector<Panel> panels = {};
  std::vector<Panel> losses = {};
};

/// Trains, samples and draws one bottleneck.
template <int H>
void bottleneck(Figure& figure) {
  using Architecture = Bottleneck<H, BottleneckForm::plane>;
  const FigureOptions& options = figure.options;
  FigureReport& report = figure.report;
  const Architecture architecture{figure.network.training};
  const std::string name = detail::concat("h_", H);
  Json entry = {{"row", name}};
  const auto sampler =
      trained_model(name, architecture, figure.schedule, figure.data, options, figure.network, entry, figure.losses);
  if (!sampler) {
    report["rows"].push_back(std::move(entry));
    return;
  }
  const Batch<double> samples =
      options.noise.empty() ? sampler->sample(options.samples, Seed{options.seed}) : sampler->sample_from(figure.noise);
  Panel panel = framed(detail::concat("samples, h = ", H), {scatter("samples", samples)});
  if constexpr (H == 1) {
    constexpr double largest_code = 1e4;
    const auto on_host =
        load_model<double>(architecture, figure.schedule, training_run(name, options, figure.network).folder);
    const Batch<double> corners =
        nn::decoder_polyline(on_host.levels().back().network->body(), -largest_code, largest_code);
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
  figure.panels.push_back(std::move(panel));
  report.save_partial();
}

void run(const FigureOptions& options, const NetworkOptions& given) {
  detail::require(options.data == "mixtures" && options.size == 0,
                  "figure 4 is about a 2-D mixture: --data can only be 'mixtures', and --size does not apply");
  require_backend(options.backend);
  detail::require(options.double_precision, "figure 4 works in double precision: --dtype f64");
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  report["settings"]["count"] = options.count;
  const NetworkOptions network = adapted_to(options.count, given);
  record_training(network, report);
  const Batch<double> data = three_component_mixture().sample(options.count, Seed{options.seed});
  const Batch<double> noise =
      options.noise.empty() ? Batch<double>() : initial_noise<double>(options, ImageShape{1, 2, 1});
  const auto trained = train_together(options, network, [&](const NetworkOptions& part) {
    FigureReport unwritten = report;
    Figure figure{options, part, schedule, data, noise, unwritten};
    bottleneck<1>(figure);
    bottleneck<2>(figure);
  });
  if (!trained) return;
  Figure figure{options, *trained, schedule, data, noise, report};
  figure.panels.push_back(framed("training data", {scatter("training samples", figure.data)}));
  bottleneck<1>(figure);
  bottleneck<2>(figure);
  report.add_plot("fig4_bottleneck_2d_losses.png", figure.losses,
                  {.columns = 2, .title = "Training loss of the networks"});
  if (figure.panels.size() > 1)
    report.add_plot("fig4_bottleneck_2d.png", figure.panels,
                    {.columns = 3,
                     .title = detail::concat("Networks with a bottleneck of h numbers, one for ",
                                             network.training.levels == LevelSharing::per_level ? "each" : "all",
                                             " of ", options.steps, " DDIM steps")});
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Figure 4: samples of trained networks with a bottleneck, in the plane", "fig4_bottleneck_2d");
  FigureOptions options{.data = "mixtures", .samples = 2000, .measured = 1, .steps = 50, .double_precision = true};
  NetworkOptions network;
  add_figure_options(line, options);
  add_network_options(line, network);
  return run_network_program(line, options, network, argc, argv, [&] {
    apply_profile(line, profiles, options, network);
    run(options, network);
  });
}
