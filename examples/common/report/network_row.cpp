#include "common/report/network_row.hpp"

#include <algorithm>
#include <cstdio>

#include "common/training/shared_training.hpp"
#include "diffarch/analysis/median.hpp"
#include "diffarch/analysis/memorisation.hpp"
#include "diffarch/analysis/novelty.hpp"
#include "diffarch/analysis/sharpness.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/sampler/ddim.hpp"

namespace figures {

using namespace diffarch;

namespace {

/// Measures what a row has generated, prints it and adds it to the figure.
void report_network_row(const std::string& name, const std::string& label, Json entry, const Batch<float>& shown,
                        const Batch<float>& measured, NetworkFigure& figure) {
  const Batch<float>& images = figure.images.samples();
  const ImageShape& shape = figure.images.shape();
  const double per_value = 1.0 / std::sqrt(static_cast<double>(shape.size()));
  const ProgressCallback bar = ConsoleProgress{};
  const Memorisation copies = memorisation(images, measured, 1.0 / 3.0, {}, bar);
  const Vector<double> distances = copies.neighbours.distances.row(0).transpose() * per_value;
  const double sharp = sharpness(measured, shape).mean() / sharpness(images, shape).mean();
  // How far apart training images are, as the scale of the distances above.
  const double between = training_spacing(images, bar) * per_value;

  std::printf("%s: %s\n", name.c_str(), entry["architecture"].get<std::string>().c_str());
  std::printf("  memorised (d1 / d2 < 1/3): %.3f of %ld samples, 95 %% interval %.3f ... %.3f; d1 / d2: median %.3f\n",
              copies.fraction, static_cast<long>(measured.cols()), copies.lower, copies.upper,
              median(copies.gap_ratio));
  std::printf("  distance to the nearest training image (rms per value): median %.4f; between training images %.4f\n",
              median(distances), between);
  if (copies.duplicates > 0)
    std::printf("  %ld of %ld training images are duplicates; distances are to the %ld distinct ones\n",
                static_cast<long>(copies.duplicates), static_cast<long>(images.cols()),
                static_cast<long>(copies.distinct));
  std::printf("  sharpness relative to the data: %.3f\n", sharp);
  std::fflush(stdout);  // the next row may take an hour

  entry["measured"] = {{"samples", measured.cols()},
                       {"memorised_fraction", copies.fraction},
                       {"memorised_interval_95", {copies.lower, copies.upper}},
                       {"gap_ratio", to_json(copies.gap_ratio)},
                       {"gap_ratio_median", median(copies.gap_ratio)},
                       {"nearest_rms_distance", to_json(distances)},
                       {"nearest_rms_distance_median", median(distances)},
                       {"between_training_images_median", between},
                       {"duplicate_training_images", copies.duplicates},
                       {"sharpness_relative_to_data", sharp}};
  const Memorisation seen = memorisation(images, shown);
  LabelledRow nearest("nearest", Batch<float>(shown.rows(), shown.cols()));
  Json below = Json::array();
  for (Index i = 0; i < shown.cols(); ++i) {
    const Index index = seen.neighbours.indices(0, i);
    const double distance = seen.neighbours.distances(0, i) * per_value;
    nearest.samples.col(i) = images.col(index);
    char caption[48];
    std::snprintf(caption, sizeof caption, "%.2f %.2f", distance, seen.gap_ratio(i));
    nearest.captions.emplace_back(caption);
    below.push_back({{"index", index}, {"rms_distance", distance}, {"gap_ratio", seen.gap_ratio(i)}});
  }
  entry["shown_nearest_training_image"] = std::move(below);
  char text[64];
  std::snprintf(text, sizeof text, "\ncopies: %.0f %%", 100.0 * copies.fraction);
  figure.rows.emplace_back(label + text, shown);
  figure.rows.push_back(std::move(nearest));
  figure.report["rows"].push_back(std::move(entry));
  figure.report.save_partial();
  if (figure.options.save_npy) {
    const auto file = figure.report.path(name + ".npy");
    write_npy_images(file, shown, shape);
    figure.report.add_file(file);
  }
}

}  // namespace

void add_network_row(const std::string& name, const std::string& label, const std::optional<AnySampler<float>>& sampler,
                     Json entry, NetworkFigure& figure) {
  entry["row"] = name;
  if (!sampler) {
    figure.report["rows"].push_back(std::move(entry));
    return;
  }
  const Batch<float> shown = sampler->sample_from(figure.noise);
  const Batch<float> measured = sampler->sample(figure.options.measured, Seed{figure.options.seed + 1});
  report_network_row(name, label, std::move(entry), shown, measured, figure);
}

TrainingProfiles image_profiles(const TrainingProfile& cpu) {
  return {.quick = {.size = 32,
                    .count = 8,
                    .steps = 3,
                    .training = {.epochs = 2, .batch_size = 8, .learning_rate = 1e-3, .warm_start = true}},
          .cpu = cpu,
          .paper = {.size = 64,
                    .count = 1000,
                    .steps = 50,
                    .training = {.epochs = 500, .batch_size = 16, .learning_rate = 1e-4}}};
}

void run_network_figure(const std::string& networks, Index networks_count, const FigureOptions& options,
                        const NetworkOptions& given, const std::function<void(NetworkFigure&)>& add_rows) {
  require_backend(options.backend);
  detail::require(!options.double_precision, options.program, " trains in single precision: --dtype f32");
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const Dataset<float> images = load_data<float>(options);
  report.set_training_data(images);
  const NetworkOptions network = adapted_to(images.size(), given);
  record_training(network, report);
  const Batch<float> noise = initial_noise<float>(options, images.shape());
  require_room(options, images.shape(), 2 * networks_count, noise.cols());
  const auto trained = train_together(options, network, [&](const NetworkOptions& part) {
    FigureReport unwritten = report;
    NetworkFigure figure{{options, part, schedule, images}, noise, unwritten};
    add_rows(figure);
  });
  if (!trained) return;
  NetworkFigure figure{{options, *trained, schedule, images}, noise, report};
  add_rows(figure);
  draw_losses(figure.losses, options, report);
  if (!figure.rows.empty())
    report.add_picture(
        options.program + ".png", figure.rows, images.shape(),
        {.title = detail::concat(networks, " trained on ", images.size(), " images (", images.name(), "), ",
                                 options.steps, " DDIM steps"),
         .footer = detail::concat("below each row: nearest training image, its rms distance, d1 / d2\n",
                                  "copies: share of ", options.measured, " samples with d1 / d2 < 1/3")});
  report.write();
}

}  // namespace figures
