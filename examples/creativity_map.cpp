// A map of creativity: what every architecture makes of one training set.
//
// All architectures are fitted to the same images and sampled at the same noise levels from the same noise. Of the
// samples four numbers are measured, each with a 95 % interval:
//   memorised   share of samples that copy a training image: distance to the nearest one below a third of that to the
//               next (Yoon et al. 2023)
//   novelty     median distance to the nearest training image, relative to that between training images: 0 for copies,
//               1 for images as far from the training set as its images are from each other
//   dimension   intrinsic dimension of the set of samples (TwoNN, Facco et al. 2017)
//   Bures       distance W2 between the Gaussians of samples and training set (mean and covariance), per value: how
//               far the samples are from the data in the first two moments
// A denoiser that learns the training set by heart is at novelty 0; one that knows two moments only is novel, but its
// Gaussian images are nobody's. Creativity is between: new, and like the data.
//
// How far what is generated is from the distribution behind the data is not known for images. In the plane it is: the
// Kullback-Leibler divergences of five architectures, and of Ideal, to and from a mixture stand below the table.

#include <algorithm>
#include <cstdio>
#include <functional>

#include "common/options/command_line.hpp"
#include "common/report/linear_row.hpp"
#include "common/report/polynomial_row.hpp"
#include "common/training/shared_training.hpp"
#include "common/training/trained_networks.hpp"
#include "creativity_map/plane.hpp"
#include "diffarch/analysis/bures.hpp"
#include "diffarch/analysis/intrinsic_dimension.hpp"
#include "diffarch/analysis/memorisation.hpp"
#include "diffarch/analysis/novelty.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/patch_polynomial.hpp"
#include "diffarch/denoiser/patch_posterior.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/denoiser/spectral_features.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/sampler/ddim.hpp"

namespace {

using namespace diffarch;
using namespace figures;

/// One architecture of the map.
struct Entry {
  std::string name;
  std::string label;
  /// The sampler for the data of the setting; nothing where only networks are to be trained.
  std::function<std::optional<AnySampler<float>>(const Entry& entry, NetworkSetting& setting, Json& row)> make;
};

/// An entry that is fitted, not trained.
template <class MakeArchitecture>
Entry fitted(std::string name, std::string label, const MakeArchitecture& make_architecture) {
  return {std::move(name), std::move(label),
          [make_architecture](const Entry& /*entry*/, NetworkSetting& setting,
                              Json& row) -> std::optional<AnySampler<float>> {
            if (setting.network.train_only) return std::nullopt;
            const auto architecture = make_architecture(setting.images);
            row["architecture"] = architecture.name();
            return fitted_sampler(setting.options.backend, architecture, setting.images.samples(),
                                  setting.schedule.levels());
          }};
}

Entry unet(std::string name, std::string label, UNetChoice choice) {
  return {std::move(name), std::move(label), [choice](const Entry& entry, NetworkSetting& setting, Json& row) {
            return trained_unet(choice, entry.name, setting, row);
          }};
}

Entry bottleneck(std::string name, std::string label, int width) {
  return {std::move(name), std::move(label), [width](const Entry& entry, NetworkSetting& setting, Json& row) {
            return trained_bottleneck(width, entry.name, setting, row);
          }};
}

std::vector<Entry> all_entries() {
  // The networks have the names of figure 1's rows.
  return {fitted("linear", "Linear", [](const Dataset<float>&) { return Linear{}; }),
          fitted("rank_10", "rank 10",
                 [](const Dataset<float>& images) {  // or the rank of their covariance where it is less
                   return RankK{.rank = std::min<Index>(10, covariance_rank("cpu", images.samples()))};
                 }),
          fitted("polynomial", "polynomial\ndegree 3",
                 [](const Dataset<float>&) { return Polynomial<3, SpectralFeatures<Conservative>>{}; }),
          fitted("patch_polynomial", "patches,\ndegree 3",
                 [](const Dataset<float>& images) { return PatchPolynomial<3>{.shape = images.shape()}; }),
          bottleneck("bottleneck_100", "bottleneck\nh = 100", 100),
          unet("local", "U-Net\n1 pool", {.pools = 1}),
          unet("default", "U-Net\n2 pools", {.pools = 2}),
          unet("circular", "U-Net, 2 pools\ncircular", {.pools = 2, .padding = Padding::circular}),
          unet("global", "U-Net\n3 pools", {.pools = 3}),
          fitted("local_score", "LocalScore",
                 [](const Dataset<float>& images) { return LocalScore{.shape = images.shape()}; }),
          fitted("equivariant_local_score", "Equivariant\nLocalScore",
                 [](const Dataset<float>& images) { return EquivariantLocalScore{.shape = images.shape()}; }),
          fitted("patch_posterior", "patches by\nborder, phase",  // what a U-Net of one pool can tell apart
                 [](const Dataset<float>& images) { return PatchPosterior{.shape = images.shape(), .period = 2}; }),
          fitted("ideal", "Ideal", [](const Dataset<float>&) { return Ideal{}; })};
}

std::vector<std::string> names_of(const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) names.push_back(entry.name);
  return names;
}

/// A number with a 95 % interval.
struct Measured {
  double value;
  double lower;
  double upper;
};

/// Counts training images that equal one before them, and says so where there are any: distances are to distinct ones.
Index report_duplicates(const Dataset<float>& images) {
  const Index duplicates = distinct_samples(images).duplicates();
  if (duplicates > 0)
    std::printf("%ld of the %ld training images are duplicates; copies and novelty are measured to the distinct ones\n",
                static_cast<long>(duplicates), static_cast<long>(images.size()));
  return duplicates;
}

Json to_json(const Measured& measured) {
  return {{"value", measured.value}, {"interval_95", {measured.lower, measured.upper}}};
}

/// What is measured of the samples of one architecture.
struct MapPoint {
  std::string label;
  Measured memorised;
  Measured novelty;
  std::optional<Measured> dimension;
  Measured bures;
};

/// Bures distance per value between samples and data, with an interval by the grouped jackknife: ten distances, each
/// of the samples without one tenth.
Measured bures_to_data(const Batch<float>& samples, const FactoredGaussian<double>& data, const ProgressCallback& bar) {
  const double per_value = 1.0 / std::sqrt(static_cast<double>(samples.rows()));
  const double all = per_value * bures_distance(factored_gaussian(samples), data);
  const Index groups = std::min<Index>(10, samples.cols() / 2);
  ProgressReporter progress(bar, "Bures distances", groups);
  Vector<double> without(groups);
  for (Index g = 0; g < groups; ++g) {
    const Index begin = samples.cols() * g / groups;
    const Index end = samples.cols() * (g + 1) / groups;
    Batch<float> rest(samples.rows(), samples.cols() - (end - begin));
    rest << samples.leftCols(begin), samples.rightCols(samples.cols() - end);
    without(g) = per_value * bures_distance(factored_gaussian(rest), data);
    progress.advance();
  }
  const auto count = static_cast<double>(groups);
  const double error = std::sqrt((count - 1.0) / count * (without.array() - without.mean()).square().sum());
  return {all, all - 1.96 * error, all + 1.96 * error};
}

/// A point with its two intervals as a cross.
std::vector<Series> cross(const std::string& label, const Measured& x, const Measured& y, const std::string& colour) {
  return {{.label = label,
           .x = {x.value},
           .y = {y.value},
           .style = SeriesStyle::points,
           .colour = colour,
           .point_size = 1.4},
          {.x = {x.lower, x.upper}, .y = {y.value, y.value}, .colour = colour, .line_width = 1.5},
          {.x = {x.value, x.value}, .y = {y.lower, y.upper}, .colour = colour, .line_width = 1.5}};
}

struct Map {
  NetworkSetting& setting;
  FigureReport& report;
  const Batch<float>& noise;  ///< x_T of the samples that are shown
  FactoredGaussian<double> data;
  std::vector<LabelledRow> rows = {};
  std::vector<MapPoint> points = {};
  double spacing = 0.0;  ///< of the training images, where there are samples to measure
  ProgressCallback bar = ConsoleProgress{};
};

void add_entry(const Entry& entry, Map& map) {
  const FigureOptions& options = map.setting.options;
  const Dataset<float>& images = map.setting.images;
  Json row = {{"name", entry.name}};
  const auto sampler = entry.make(entry, map.setting, row);
  if (!sampler) {
    map.report["architectures"].push_back(std::move(row));
    return;
  }
  // Polynomials may run away: what escaped is counted and left out.
  EscapeLog shown_log = escape_log(images.samples());
  EscapeLog log = shown_log;
  map.rows.emplace_back(entry.label, sampler->sample_from(map.noise, shown_log));
  const Batch<float> all = sampler->sample(options.measured, Seed{options.seed + 1}, log);
  std::vector<Index> kept;
  for (Index i = 0; i < all.cols(); ++i)
    if (!log.has_escaped(i)) kept.push_back(i);
  if (kept.size() < 10) {  // nothing to measure, which is no reason to lose the other architectures
    row["samples"] = kept.size();
    row["escaped"] = all.cols() - static_cast<Index>(kept.size());
    std::printf("%-34s %zu of %ld samples stayed finite and near the data: nothing to measure\n",
                row["architecture"].get<std::string>().c_str(), kept.size(), static_cast<long>(all.cols()));
    map.rows.pop_back();
    map.report["architectures"].push_back(std::move(row));
    map.report.save_partial();
    return;
  }
  const Batch<float> samples = all(Eigen::all, kept);

  const Memorisation copies = memorisation(images, samples, 1.0 / 3.0, {}, map.bar);
  const Novelty novel = novelty(Vector<double>(copies.neighbours.distances.row(0).transpose()), map.spacing,
                                {.seed = Seed{options.seed}});
  MapPoint point{.label = entry.label,
                 .memorised = {copies.fraction, copies.lower, copies.upper},
                 .novelty = {novel.median, novel.interval.lower, novel.interval.upper},
                 .dimension = {},
                 .bures = bures_to_data(samples, map.data, map.bar)};
  try {
    const IntrinsicDimension dimension = two_nn_dimension(samples, 0.1, map.bar);
    point.dimension = Measured{dimension.dimension, dimension.lower, dimension.upper};
    row["intrinsic_dimension"] = to_json(*point.dimension);
    row["intrinsic_dimension"]["distinct_samples"] = dimension.points;
  } catch (const InvalidArgument& undefined) {  // few distinct samples, or tied distances
    row["intrinsic_dimension"] = undefined.what();
  }
  row["samples"] = samples.cols();
  row["escaped"] = all.cols() - samples.cols();
  row["duplicate_training_images"] = copies.duplicates;
  row["memorised_fraction"] = to_json(point.memorised);
  row["novelty"] = to_json(point.novelty);
  row["bures_distance_per_value"] = to_json(point.bures);
  char dimension[32] = "   undefined    ";
  if (point.dimension)
    std::snprintf(dimension, sizeof dimension, "%5.1f (%4.1f-%5.1f)", point.dimension->value, point.dimension->lower,
                  point.dimension->upper);
  std::printf("%-34s %5.3f (%5.3f-%5.3f) %6.3f (%5.3f-%5.3f) %s %6.4f (%6.4f-%6.4f)\n",
              row["architecture"].get<std::string>().c_str(), point.memorised.value, point.memorised.lower,
              point.memorised.upper, point.novelty.value, point.novelty.lower, point.novelty.upper, dimension,
              point.bures.value, point.bures.lower, point.bures.upper);
  std::fflush(stdout);
  map.points.push_back(std::move(point));
  map.report["architectures"].push_back(std::move(row));
  map.report.save_partial();
}

std::vector<Panel> panels_of(const std::vector<MapPoint>& points) {
  static const std::vector<std::string> colours{"#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77",
                                                "#cc6677", "#882255", "#aa4499", "#e69f00", "#0072b2", "#000000"};
  Panel creativity{.title = "new, and like the data?",
                   .x_label = "novelty (distance to the nearest image / spacing)",
                   .y_label = "Bures distance to the data, per value",
                   .legend_beside = true};
  Panel copies{.title = "copies, and the dimension of what is generated",
               .x_label = "memorised fraction",
               .y_label = "intrinsic dimension (TwoNN)",
               .legend_beside = true};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const MapPoint& point = points[i];
    std::string label = point.label;
    std::replace(label.begin(), label.end(), '\n', ' ');
    const std::string& colour = colours[i % colours.size()];
    for (Series& series : cross(label, point.novelty, point.bures, colour))
      creativity.series.push_back(std::move(series));
    if (point.dimension)
      for (Series& series : cross(label, point.memorised, *point.dimension, colour))
        copies.series.push_back(std::move(series));
  }
  return {std::move(creativity), std::move(copies)};
}

void draw_map(const FigureOptions& options, const NetworkOptions& given, const std::vector<std::string>& names,
              bool with_plane) {
  require_backend(options.backend);
  detail::require(!options.double_precision, options.program, " works in single precision: --dtype f32");
  detail::require(options.measured >= 20, "--measured ", options.measured, ": expected at least 20 samples");
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const Dataset<float> images = load_data<float>(options);
  report.set_training_data(images);
  const NetworkOptions network = adapted_to(images.size(), given);
  record_training(network, report);
  const Batch<float> noise = initial_noise<float>(options, images.shape());
  require_room(options, images.shape(), std::max<Index>(static_cast<Index>(names.size()), 1), noise.cols());
  const auto wanted = [&](const Entry& entry) {
    return std::find(names.begin(), names.end(), entry.name) != names.end();
  };
  const std::vector<Entry> entries = all_entries();
  const auto trained = train_together(options, network, [&](const NetworkOptions& part) {
    NetworkSetting setting{options, part, schedule, images};
    Json unwritten;
    for (const Entry& entry : entries)
      if (wanted(entry)) (void)entry.make(entry, setting, unwritten);
  });
  if (!trained) return;
  NetworkSetting setting{options, *trained, schedule, images};
  Map map{setting, report, noise, factored_gaussian(images)};
  if (!network.train_only) {
    map.spacing = training_spacing(images, map.bar);
    report["duplicate_training_images"] = report_duplicates(images);
  }

  std::printf("%-34s %-19s %-20s %-18s %s\n", "", "memorised (95 %)", "novelty", "dimension", "Bures per value");
  report["architectures"] = Json::array();
  for (const Entry& entry : entries)
    if (wanted(entry)) add_entry(entry, map);
  if (with_plane && !network.train_only)
    report["plane"] = divergences_in_the_plane(options.quick ? 100 : 500, Seed{options.seed});
  if (!map.points.empty()) {
    report.add_plot("creativity_map_plot.png", panels_of(map.points),
                    {.columns = 2,
                     .panel_width = 760,
                     .title = detail::concat("What architectures make of ", images.size(), " images (", images.name(),
                                             "); ", options.measured, " samples each, 95 % intervals")});
    for (std::size_t i = 0; i < map.rows.size(); ++i) {
      char text[64];
      std::snprintf(text, sizeof text, "\ncopies %.0f %%\nnovelty %.2f", 100.0 * map.points[i].memorised.value,
                    map.points[i].novelty.value);
      map.rows[i].label += text;
    }
    report.add_picture("creativity_map.png", map.rows, images.shape(),
                       {.title = detail::concat("Samples of architectures fitted to the same ", images.size(),
                                                " images (", images.name(), "), ", options.steps, " DDIM steps"),
                        .footer = "every column starts from the same noise"});
  }
  draw_losses(setting.losses, options, report);
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("A map of creativity: all architectures on one training set", "creativity_map");
  FigureOptions options{.samples = 10, .measured = 200};
  NetworkOptions network;
  std::vector<std::string> all = names_of(all_entries());
  all.emplace_back("plane");
  std::vector<std::string> names = all;
  add_figure_options(line, options);
  add_network_options(line, network);
  line.add({"--architectures", &names, "Architectures, comma separated; plane: divergences in the plane", one_of(all)});
  return run_network_program(line, options, network, argc, argv, [&] {
    if (options.quick) {
      if (!line.names("--measured")) options.measured = 20;
      if (!line.names("--architectures"))
        names = {"linear", "polynomial", "bottleneck_100", "local", "local_score", "ideal", "plane"};
    }
    apply_profile(line, unet_profiles(), options, network);
    const bool with_plane = std::erase(names, "plane") > 0;
    draw_map(options, network, names, with_plane);
  });
}
