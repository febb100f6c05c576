// Theory against networks: how much of what a trained U-Net generates do closed forms predict?
//
// A U-Net is trained for every noise level. Four denoisers that nobody trains stand beside it: Linear, which knows two
// moments of the data; Ideal, the posterior mean over the training images; LocalScore, the posterior mean over the
// training patches at each place; EquivariantLocalScore, over the patches of all places. If the network's receptive
// field decides what it creates (Theorem 2), the local ones should predict its images, pixel by pixel, from the same
// noise, and Ideal should not.
//
// A network's receptive field is the largest its weights allow; how much of it is used changes with the noise. As Kamb
// and Ganguli (2024) do, the patch size of each noise level is calibrated: the one whose predictions have the largest
// median R^2 along trajectories of the network, from noise that is not used again. A third row shows what theory says
// without any calibration: patches as wide as the receptive field.
//
// Two comparisons, each as Pearson's r, R^2 and explained variance, three numbers that are often called by each other's
// names, as medians over the samples:
//   single step   at the noisy images of the network's own trajectories, x0_hat against x0_hat
//   trajectory    each denoiser goes its own way from the same noise; the final images are compared

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "common/architectures/samplers.hpp"
#include "common/options/command_line.hpp"
#include "common/training/shared_training.hpp"
#include "common/training/trained_networks.hpp"
#include "diffarch/analysis/denoiser_agreement.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/process/console_progress.hpp"
#include "diffarch/sampler/ddim.hpp"

namespace {

using namespace diffarch;
using namespace figures;

const std::map<std::string, UNetChoice> all_networks{{"pools_1", {.pools = 1}},
                                                     {"pools_2", {.pools = 2}},
                                                     {"pools_3", {.pools = 3}},
                                                     {"pools_1_circular", {.pools = 1, .padding = Padding::circular}},
                                                     {"pools_2_circular", {.pools = 2, .padding = Padding::circular}},
                                                     {"pools_3_circular", {.pools = 3, .padding = Padding::circular}}};

/// A denoiser that stands beside the networks.
struct Theory {
  std::string name;
  AnySampler<float> sampler;
  std::vector<Index> patch_sizes = {};  ///< of the local ones, one for each noise level
};

/// Patch sizes that are tried: odd, so that the pixel is in the middle, finer where they are small; with the largest
/// every window sees the whole image.
std::vector<Index> candidate_sizes(Index largest) {
  std::vector<Index> sizes;
  for (const Index size : {1, 3, 5, 7, 9, 11, 15, 19, 23, 31, 47, 63})
    if (size < largest) sizes.push_back(size);
  sizes.push_back(largest);
  return sizes;
}

/// A number of a table, or that it is undefined.
std::string number_text(double value, int digits) {
  if (std::isnan(value)) return "undefined";
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// Mean over the levels of a measure, of those where it is defined.
double mean_of_defined(const std::vector<double>& values) {
  double sum = 0.0;
  double count = 0.0;
  for (const double value : values)
    if (!std::isnan(value)) {
      sum += value;
      count += 1.0;
    }
  return sum / count;  // NaN where none is
}

/// For every noise level, the patch size whose x0_hat has the largest median R^2 to the network's.
template <class A>
std::vector<Index> calibrated_sizes(A architecture, const SampledTrajectory<float>& network, const NoiseLevels& levels,
                                    const std::vector<Index>& candidates, const NetworkSetting& setting) {
  const ProgressCallback bar = ConsoleProgress{};
  ProgressReporter progress(bar, "calibrate patch sizes", static_cast<Index>(candidates.size()));
  std::vector<Index> sizes(network.noisy.size(), candidates.front());
  std::vector<double> best(sizes.size(), -std::numeric_limits<double>::infinity());
  for (const Index size : candidates) {
    architecture.patch_sizes = {size};
    const auto local = fitted_sampler(setting.options.backend, architecture, setting.images.samples(), levels);
    for (std::size_t at = 0; at < sizes.size(); ++at) {
      const Batch<float> x0_hat = local.denoise(network.noisy[at], levels[static_cast<Index>(at)]);
      // Undefined at a level where the network predicts one gray: then the smallest size stays.
      const double score = median_of_defined(r_squared(x0_hat, network.predictions[at]));
      if (!(score > best[at])) continue;
      best[at] = score;
      sizes[at] = size;
    }
    progress.advance();
  }
  return sizes;
}

template <class A>
Theory local_theory(const std::string& name, A architecture, std::vector<Index> sizes, const NetworkSetting& setting) {
  architecture.patch_sizes = sizes;
  return {name,
          fitted_sampler(setting.options.backend, architecture, setting.images.samples(), setting.schedule.levels()),
          std::move(sizes)};
}

std::string list_text(const std::vector<Index>& values) {
  std::string text;
  for (const Index value : values) text += (text.empty() ? "" : " ") + std::to_string(value);
  return text;
}

Json to_json(const Agreement& agreement) {
  return {{"sigma", agreement.level.sigma()},
          {"pearson_r_median", agreement.median_pearson_correlation},
          {"r_squared_median", agreement.median_r_squared},
          {"explained_variance_median", agreement.median_explained_variance},
          {"undefined_samples", agreement.undefined},
          {"r_squared", figures::to_json(agreement.r_squared)}};
}

struct Comparison {
  NetworkSetting& setting;
  FigureReport& report;
  NoiseLevels levels;
  Batch<float> shown_noise;
  Batch<float> noise;                    ///< of the trajectories that are compared
  Batch<float> calibration_noise;        ///< of those that choose patch sizes
  std::vector<std::string> local_names;  ///< which theories that depend on the network
  std::vector<Theory> common = {};       ///< theories that do not depend on the network
  std::vector<Batch<float>> common_samples = {};
  std::vector<LabelledRow> rows = {};
  std::vector<Panel> panels = {};
};

/// A trained network and the trajectories with which theories are compared.
struct TrainedNetwork {
  std::string architecture;
  Index receptive_field = 0;
  bool is_circular = false;
  SampledTrajectory<float> trajectory;  ///< from the noise of the comparison
};

/// The theories that depend on the network, with patch sizes calibrated on other trajectories of it, or as wide as its
/// receptive field.
std::vector<Theory> local_theories(const TrainedNetwork& network, const SampledTrajectory<float>& calibration,
                                   const Comparison& comparison) {
  const NetworkSetting& setting = comparison.setting;
  const NoiseLevels& levels = comparison.levels;
  const ImageShape& shape = setting.images.shape();
  const Index side = std::max(shape.height, shape.width);
  std::vector<Theory> theories;
  const auto add = [&](const std::string& theory, const auto& local, std::vector<Index> sizes) {
    theories.push_back(local_theory(theory, local, std::move(sizes), setting));
  };
  for (const std::string& theory : comparison.local_names) {
    if (theory == "LocalScore") {
      const LocalScore local{shape};
      add(theory, local, calibrated_sizes(local, calibration, levels, candidate_sizes(2 * side - 1), setting));
    } else if (theory == "EquivariantLocalScore") {
      const EquivariantLocalScore local{shape};
      add(theory, local, calibrated_sizes(local, calibration, levels, candidate_sizes(side), setting));
    } else if (network.is_circular) {
      add(theory, EquivariantLocalScore{shape}, {network.receptive_field});
    } else {
      add(theory, LocalScore{shape}, {network.receptive_field});
    }
  }
  return theories;
}

/// How well a theory predicts a network: x0_hat at every step of the network's trajectories, and the final images.
struct Prediction {
  std::vector<Agreement> steps;
  Agreement end;
};

Prediction compare_with(const TrainedNetwork& network, const Theory& theory, const Batch<float>& samples,
                        const NoiseLevels& levels) {
  const SampledTrajectory<float>& theirs = network.trajectory;
  Prediction prediction{{}, agreement(samples, theirs.samples, levels[levels.steps()])};
  for (Index step = 0; step < levels.steps(); ++step) {
    const auto at = static_cast<std::size_t>(step);
    prediction.steps.push_back(
        agreement(theory.sampler.denoise(theirs.noisy[at], levels[step]), theirs.predictions[at], levels[step]));
  }
  return prediction;
}

void print_prediction(const Theory& theory, const Prediction& prediction) {
  std::vector<double> r;
  std::vector<double> r2;
  std::vector<double> explained;
  for (const Agreement& step : prediction.steps) {
    r.push_back(step.median_pearson_correlation);
    r2.push_back(step.median_r_squared);
    explained.push_back(step.median_explained_variance);
  }
  const Agreement& end = prediction.end;
  std::printf("  %-22s", theory.name.c_str());
  for (const double value : {mean_of_defined(r), mean_of_defined(r2), mean_of_defined(explained),
                             end.median_pearson_correlation, end.median_r_squared, end.median_explained_variance})
    std::printf(" %9s", number_text(value, 3).c_str());
  std::printf("  %s\n", list_text(theory.patch_sizes).c_str());
  std::fflush(stdout);
}

Json to_json(const Theory& theory, const Prediction& prediction) {
  Json steps = Json::array();
  for (const Agreement& step : prediction.steps) steps.push_back(to_json(step));
  return {{"denoiser", theory.name},
          {"patch_sizes", theory.patch_sizes},
          {"single_step", std::move(steps)},
          {"final_images", to_json(prediction.end)}};
}

/// Median R^2 of single steps over sigma, where it is defined.
Series curve_of(const Theory& theory, const Prediction& prediction) {
  Series curve{.label = theory.name, .style = SeriesStyle::lines_points};
  for (const Agreement& step : prediction.steps) {
    if (std::isnan(step.median_r_squared)) continue;
    curve.x.push_back(step.level.sigma());
    curve.y.push_back(step.median_r_squared);
  }
  return curve;
}

/// Samples of a theory with the R^2 of each.
LabelledRow row_of(const Theory& theory, const TrainedNetwork& network, const Batch<float>& samples,
                   const Agreement& end) {
  LabelledRow row(theory.name == "LocalScore"              ? "LocalScore,\ncalibrated"
                  : theory.name == "EquivariantLocalScore" ? "Equivariant,\ncalibrated"
                  : network.is_circular                    ? "Equivariant,\nreceptive field"
                                                           : "LocalScore,\nreceptive field",
                  samples);
  for (Index i = 0; i < row.samples.cols(); ++i) row.captions.push_back(number_text(end.r_squared(i), 2));
  return row;
}

/// Compares all theories with a network: prints, reports, and adds to the pictures.
Json compare_theories(const TrainedNetwork& network, const std::vector<Theory>& theories, Comparison& comparison) {
  const Index shown = comparison.shown_noise.cols();
  Panel panel{.title = network.architecture,
              .x_label = "sigma",
              .y_label = "median R^2, single step",
              .log_x = true,
              .legend_beside = true,
              .y_range = PlotRange{-0.2, 1.02}};
  std::printf("%s, %ld trajectories; medians over them:\n", network.architecture.c_str(),
              static_cast<long>(comparison.noise.cols()));
  std::printf("  %-22s %28s %28s\n", "", "single step, mean of levels", "final images");
  std::printf("  %-22s %9s %9s %9s %9s %9s %9s  %s\n", "", "r", "R^2", "expl. v.", "r", "R^2", "expl. v.",
              "patch sizes");
  comparison.rows.emplace_back(network.architecture, network.trajectory.samples.leftCols(shown));
  Json compared = Json::array();
  const auto compare_one = [&](const Theory& theory, const Batch<float>& samples) {
    const Prediction prediction = compare_with(network, theory, samples, comparison.levels);
    print_prediction(theory, prediction);
    panel.series.push_back(curve_of(theory, prediction));
    compared.push_back(to_json(theory, prediction));
    return prediction.end;
  };
  for (std::size_t i = 0; i < comparison.common.size(); ++i)
    compare_one(comparison.common[i], comparison.common_samples[i]);
  for (const Theory& theory : theories) {
    const Batch<float> samples = theory.sampler.sample_from(comparison.noise);
    const Agreement end = compare_one(theory, samples);
    comparison.rows.push_back(row_of(theory, network, samples.leftCols(shown), end));
  }
  comparison.panels.push_back(std::move(panel));
  return compared;
}

/// Trains one network, or takes its weights, and compares all theories with it.
void compare_network(const std::string& name, Comparison& comparison) {
  const UNetChoice& choice = all_networks.at(name);
  Json entry = {{"network", name}};
  const auto sampler = trained_unet(choice, name, comparison.setting, entry);
  if (!sampler) {
    comparison.report["networks"].push_back(std::move(entry));
    return;
  }
  const SampledTrajectory<float> calibration = sampler->trajectory(comparison.calibration_noise);
  TrainedNetwork network{.architecture = entry["architecture"].get<std::string>(),
                         .receptive_field = entry["receptive_field"].get<Index>(),
                         .is_circular = choice.padding == Padding::circular,
                         .trajectory = {}};
  const std::vector<Theory> theories = local_theories(network, calibration, comparison);
  network.trajectory = sampler->trajectory(comparison.noise);
  entry["denoisers"] = compare_theories(network, theories, comparison);
  comparison.report["networks"].push_back(std::move(entry));
  comparison.report.save_partial();
}

void compare(const FigureOptions& options, const NetworkOptions& given, const std::vector<std::string>& names,
             const std::vector<std::string>& local_names, Index calibration) {
  require_backend(options.backend);
  detail::require(!options.double_precision, options.program, " trains in single precision: --dtype f32");
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const Dataset<float> images = load_data<float>(options);
  report.set_training_data(images);
  const NetworkOptions network = adapted_to(images.size(), given);
  record_training(network, report);
  const Batch<float> shown_noise = initial_noise<float>(options, images.shape());
  require_room(options, images.shape(), static_cast<Index>(2 + names.size() * (1 + local_names.size())),
               std::min(options.measured, shown_noise.cols()));
  report["calibration_trajectories"] = calibration;

  const auto trained = train_together(options, network, [&](const NetworkOptions& part) {
    NetworkSetting setting{options, part, schedule, images};
    Json unwritten;
    for (const std::string& name : names) (void)trained_unet(all_networks.at(name), name, setting, unwritten);
  });
  if (!trained) return;
  NetworkSetting setting{options, *trained, schedule, images};
  const Index d = images.dimension();
  Comparison comparison{setting,     report, schedule.levels(),
                        shown_noise, {},     normal_batch<float>(d, calibration, Seed{options.seed + 1}),
                        local_names};
  comparison.noise.resize(d, options.measured);
  const Index shown = std::min(options.measured, comparison.shown_noise.cols());
  comparison.noise.leftCols(shown) = comparison.shown_noise.leftCols(shown);
  comparison.shown_noise = comparison.noise.leftCols(shown).eval();
  comparison.noise.rightCols(options.measured - shown) =
      normal_batch<float>(d, options.measured - shown, Seed{options.seed}, streams::initial_noise, shown);
  if (!network.train_only) {
    const auto add = [&](const std::string& name, const auto& architecture) {
      comparison.common.push_back(
          {name, fitted_sampler(options.backend, architecture, images.samples(), schedule.levels())});
    };
    add("Linear", Linear{});
    add("Ideal", Ideal{});
    for (const Theory& theory : comparison.common) {
      comparison.common_samples.push_back(theory.sampler.sample_from(comparison.noise));
      comparison.rows.emplace_back(theory.name, comparison.common_samples.back().leftCols(shown));
    }
  }
  for (const std::string& name : names) compare_network(name, comparison);

  draw_losses(setting.losses, options, report);
  if (!network.train_only) {
    report.add_plot("compare_denoisers_agreement.png", comparison.panels,
                    {.columns = std::min<Index>(3, static_cast<Index>(comparison.panels.size())),
                     .title = "How well theory predicts x0_hat of the networks along their own trajectories"});
    report.add_picture(
        "compare_denoisers.png", comparison.rows, images.shape(),
        {.title = detail::concat("Networks and theory from the same noise, ", images.size(), " training images (",
                                 images.name(), "), ", options.steps, " DDIM steps"),
         .footer = "below the images: R^2 of each as a prediction of the network's above it"});
  }
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Theory against trained U-Nets: closed forms as predictions of what they generate",
                   "compare_denoisers");
  FigureOptions options{.samples = 8, .measured = 32};
  NetworkOptions network;
  std::vector<std::string> names;
  for (const auto& [name, choice] : all_networks) names.push_back(name);
  std::vector<std::string> local_names{"LocalScore", "EquivariantLocalScore", "receptive field"};
  Index calibration = 8;
  add_figure_options(line, options);
  add_network_options(line, network);
  line.add({"--networks", &names, "U-Nets, comma separated", one_of(names)});
  line.add({"--calibration", &calibration, "Trajectories that choose the patch sizes", whole_number(1, 10'000)});
  line.add({"--local", &local_names,
            "Theories with patches, comma separated: LocalScore and EquivariantLocalScore with calibrated patch sizes "
            "(the second costs as many times the first as an image has pixels), and patches as wide as the network's "
            "receptive field",
            one_of(local_names)});
  return run_network_program(line, options, network, argc, argv, [&] {
    if (options.quick) {
      if (!line.names("--measured")) options.measured = 3;
      if (!line.names("--calibration")) calibration = 2;
      if (!line.names("--networks")) names = {"pools_1_circular"};
    }
    apply_profile(line, unet_profiles(), options, network);
    require_distinct("--networks", names);
    require_distinct("--local", local_names);
    compare(options, network, names, local_names, calibration);
  });
}
