// Theory against networks: how much of what a trained U-Net generates do closed forms predict?
//
// A U-Net is trained for every noise level. Denoisers that nobody trains stand beside it: Linear, which knows two
// moments of the data; Ideal, the posterior mean over the training images; and posterior means over training patches:
// LocalScore, over those at each place; EquivariantLocalScore, over those of all places; PatchPosterior, over those of
// the places that the network cannot tell apart, by their border and their phase modulo 2^pools. If the network's
// receptive field and symmetry decide what it creates (Theorem 2), the last should predict its images, pixel by pixel,
// from the same noise, and Ideal should not.
//
// A network's receptive field is the largest its weights allow; how much of it is used changes with the noise. As Kamb
// and Ganguli (2024) do, the patch size of each noise level is calibrated: the one whose predictions have the largest
// median R^2 along trajectories of the network, from noise that is not used again. For PatchPosterior the fall-off
// inside the window and the temperature are calibrated, too. The row "blend" is a least-squares mixture on the same
// trajectories: of it, of patch posteriors with other windows, and of Linear and Ideal, at most six at a noise level; a
// network looks closely and from afar at once. For a network with circular padding, the linear denoiser that commutes
// with its shifts is among them. Two rows need no network at all: "uncalibrated", PatchPosterior with windows from the
// autocovariance of the training images, and "receptive field", patches as wide as that. With --twins
// every network is trained a second time with another seed: how well a network predicts its twin is as well as any
// theory can hope to predict it.
//
// Two comparisons, each as Pearson's r, R^2 and explained variance, three numbers that are often called by each other's
// names, as medians over the samples, that of R^2 of final images with a bootstrap interval:
//   single step   at the noisy images of the network's own trajectories, x0_hat against x0_hat
//   trajectory    each denoiser goes its own way from the same noise; the final images are compared

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/architectures/samplers.hpp"
#include "common/options/command_line.hpp"
#include "common/training/shared_training.hpp"
#include "common/training/trained_networks.hpp"
#include "compare_denoisers/calibration.hpp"
#include "diffarch/analysis/bootstrap.hpp"
#include "diffarch/analysis/denoiser_agreement.hpp"
#include "diffarch/analysis/median.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/wiener_patch_sizes.hpp"
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
  std::string label;                      ///< beside its images
  std::vector<PatchWindow> windows = {};  ///< of those with patches, one for each noise level, or one for all
  Matrix<double> weights = {};            ///< of a blend, (parts, noise levels)
  std::vector<std::string> part_names = {};
};

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

/// A list of numbers as text, "inf" for infinity.
template <class Value>
std::string list_text(const std::vector<Value>& values) {
  std::string text;
  for (const Value value : values) text += (text.empty() ? "" : " ") + diffarch::detail::concat(value);
  return text;
}

template <class Value>
std::vector<Value> column_of(const std::vector<PatchWindow>& windows, Value PatchWindow::*member) {
  std::vector<Value> values;
  for (const PatchWindow& window : windows) values.push_back(window.*member);
  return values;
}

/// The 95 % interval of the median R^2, by the bootstrap over the samples where it is defined; none where it is
/// nowhere.
std::optional<Interval> interval_of_median(const Agreement& agreement) {
  std::vector<double> defined;
  for (const double value : agreement.r_squared)
    if (!std::isnan(value)) defined.push_back(value);
  if (defined.empty()) return std::nullopt;
  const Vector<double> values = Eigen::Map<const Vector<double>>(defined.data(), static_cast<Index>(defined.size()));
  return bootstrap_interval(values, median);
}

Json to_json(const Agreement& agreement) {
  const std::optional<Interval> interval = interval_of_median(agreement);
  return {{"sigma", agreement.level.sigma()},
          {"pearson_r_median", agreement.median_pearson_correlation},
          {"r_squared_median", agreement.median_r_squared},
          {"r_squared_median_interval", interval ? Json{interval->lower, interval->upper} : Json()},
          {"explained_variance_median", agreement.median_explained_variance},
          {"undefined_samples", agreement.undefined},
          {"r_squared", figures::to_json(agreement.r_squared)}};
}

struct Comparison {
  NetworkSetting& setting;
  FigureReport& report;
  NoiseLevels levels;
  Batch<float> shown_noise;
  Batch<float> noise;                             ///< of the trajectories that are compared
  Batch<float> calibration_noise;                 ///< of those that choose patch sizes
  std::vector<std::string> local_names;           ///< which theories that depend on the network
  bool has_twins;                                 ///< networks are trained a second time
  std::vector<PatchWindow> windows_of_data = {};  ///< of `uncalibrated`, one for each noise level
  std::vector<Theory> common = {};                ///< theories that do not depend on the network
  std::vector<Batch<float>> common_samples = {};
  std::vector<LabelledRow> rows = {};
  std::vector<Panel> panels = {};
};

/// A trained network and the trajectories with which theories are compared.
struct TrainedNetwork {
  std::string architecture;
  Index receptive_field = 0;
  UNetChoice choice;
  SampledTrajectory<float> trajectory;  ///< from the noise of the comparison
};

/// PatchPosterior with the windows that predict the network best, and the blend of several.
void add_calibrated_posterior(std::vector<Theory>& theories, const PatchPosterior& symmetry,
                              const SampledTrajectory<float>& calibration, const Comparison& comparison) {
  std::vector<NamedSampler> others;
  for (const Theory& theory : comparison.common) others.push_back({theory.name, theory.sampler});
  CalibratedPosterior calibrated = calibrated_posterior(symmetry, calibration, others, comparison.setting);
  theories.push_back({.name = "PatchPosterior",
                      .sampler = calibrated.posterior,
                      .label = "PatchPosterior,\ncalibrated",
                      .windows = std::move(calibrated.windows)});
  theories.push_back({.name = "blend",
                      .sampler = calibrated.blend,
                      .label = "blend of windows,\nLinear, Ideal",
                      .weights = std::move(calibrated.weights),
                      .part_names = std::move(calibrated.part_names)});
}

/// The theories that depend on the network, with windows calibrated on other trajectories of it, or as wide as its
/// receptive field.
std::vector<Theory> local_theories(const TrainedNetwork& network, const SampledTrajectory<float>& calibration,
                                   const Comparison& comparison) {
  const NetworkSetting& setting = comparison.setting;
  const ImageShape& shape = setting.images.shape();
  const bool is_circular = network.choice.padding == Padding::circular;
  const PatchPosterior of_network = predictor_of_unet(shape, network.choice.pools, network.choice.padding);
  const PatchPosterior local = LocalScore{shape}.as_patch_posterior();
  const PatchPosterior equivariant = EquivariantLocalScore{shape}.as_patch_posterior();
  std::vector<Theory> theories;
  const auto add = [&](const std::string& name, const std::string& label, const PatchPosterior& symmetry,
                       std::vector<PatchWindow> windows) {
    theories.push_back({name, patch_sampler(symmetry, windows, setting), label, std::move(windows)});
  };
  const auto add_boxes = [&](const std::string& name, const std::string& label, const PatchPosterior& symmetry) {
    add(name, label, symmetry, calibrated_boxes(symmetry, calibration, setting));
  };
  for (const std::string& theory : comparison.local_names) {
    if (theory == "PatchPosterior") {
      add_calibrated_posterior(theories, of_network, calibration, comparison);
    } else if (theory == "uncalibrated") {
      add(theory, "PatchPosterior,\nuncalibrated", of_network, comparison.windows_of_data);
    } else if (theory == "LocalScore") {
      add_boxes(theory, "LocalScore,\ncalibrated", local);
    } else if (theory == "EquivariantLocalScore") {
      add_boxes(theory, "Equivariant,\ncalibrated", equivariant);
    } else {
      add(theory, is_circular ? "Equivariant,\nreceptive field" : "LocalScore,\nreceptive field",
          is_circular ? equivariant : local, {PatchWindow{network.receptive_field}});
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
  const std::optional<Interval> interval = interval_of_median(end);
  const std::string range = interval ? number_text(interval->lower, 3) + " - " + number_text(interval->upper, 3) : "";
  std::printf("  %-15s  %s", range.c_str(), list_text(column_of(theory.windows, &PatchWindow::size)).c_str());
  if (theory.name == "PatchPosterior")
    std::printf("; spreads %s; temperatures %s", list_text(column_of(theory.windows, &PatchWindow::spread)).c_str(),
                list_text(column_of(theory.windows, &PatchWindow::temperature)).c_str());
  std::printf("\n");
  std::fflush(stdout);
}

Json to_json(const Theory& theory, const Prediction& prediction) {
  Json steps = Json::array();
  for (const Agreement& step : prediction.steps) steps.push_back(to_json(step));
  Json entry = {{"denoiser", theory.name},
                {"patch_sizes", column_of(theory.windows, &PatchWindow::size)},
                {"single_step", std::move(steps)},
                {"final_images", to_json(prediction.end)}};
  if (theory.name == "PatchPosterior") {
    // A box has an infinite spread, which JSON cannot say: null.
    entry["spreads"] = Json::array();
    for (const PatchWindow& window : theory.windows)
      entry["spreads"].push_back(std::isinf(window.spread) ? Json() : Json(window.spread));
    entry["temperatures"] = column_of(theory.windows, &PatchWindow::temperature);
  }
  for (Index step = 0; step < theory.weights.cols(); ++step) {
    Json of_level = Json::object();
    for (Index part = 0; part < theory.weights.rows(); ++part)
      if (theory.weights(part, step) != 0.0)
        of_level[theory.part_names[static_cast<std::size_t>(part)]] = theory.weights(part, step);
    entry["weights"].push_back(std::move(of_level));
  }
  return entry;
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
LabelledRow row_of(const Theory& theory, const Batch<float>& samples, const Agreement& end) {
  LabelledRow row(theory.label, samples);
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
  std::printf("  %-22s %9s %9s %9s %9s %9s %9s  %-15s  %s\n", "", "r", "R^2", "expl. v.", "r", "R^2", "expl. v.",
              "R^2, 95 %", "patch sizes");
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
    comparison.rows.push_back(row_of(theory, samples.leftCols(shown), end));
  }
  comparison.panels.push_back(std::move(panel));
  return compared;
}

/// The network trained again, or its weights taken, with the next seed.
std::optional<AnySampler<float>> trained_twin(const std::string& name, const NetworkSetting& setting, Json& entry) {
  NetworkOptions network = setting.network;
  network.training.seed = Seed{setting.options.seed + 1};
  NetworkSetting twin{setting.options, network, setting.schedule, setting.images};
  return trained_unet(all_networks.at(name), name + "_twin", twin, entry);
}

/// Trains one network, or takes its weights, and compares all theories with it.
void compare_network(const std::string& name, Comparison& comparison) {
  Json entry = {{"network", name}};
  const UNetChoice& choice = all_networks.at(name);
  const auto sampler = trained_unet(choice, name, comparison.setting, entry);
  Json unwritten;
  const auto twin = comparison.has_twins ? trained_twin(name, comparison.setting, unwritten) : std::nullopt;
  if (!sampler) {
    comparison.report["networks"].push_back(std::move(entry));
    return;
  }
  const SampledTrajectory<float> calibration = sampler->trajectory(comparison.calibration_noise);
  TrainedNetwork network{.architecture = entry["architecture"].get<std::string>(),
                         .receptive_field = entry["receptive_field"].get<Index>(),
                         .choice = choice,
                         .trajectory = {}};
  std::vector<Theory> theories = local_theories(network, calibration, comparison);
  if (twin) theories.push_back({.name = "twin", .sampler = *twin, .label = "the network,\nanother seed"});
  network.trajectory = sampler->trajectory(comparison.noise);
  entry["denoisers"] = compare_theories(network, theories, comparison);
  comparison.report["networks"].push_back(std::move(entry));
  comparison.report.save_partial();
}

void compare(const FigureOptions& options, const NetworkOptions& given, const std::vector<std::string>& names,
             const std::vector<std::string>& local_names, Index calibration, bool has_twins) {
  require_backend(options.backend);
  detail::require(!options.double_precision, options.program, " trains in single precision: --dtype f32");
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const Dataset<float> images = load_data<float>(options);
  report.set_training_data(images);
  const NetworkOptions network = adapted_to(images.size(), given);
  record_training(network, report);
  const Batch<float> shown_noise = initial_noise<float>(options, images.shape());
  require_room(options, images.shape(), static_cast<Index>(2 + names.size() * (3 + local_names.size())),
               std::min(options.measured, shown_noise.cols()));
  report["calibration_trajectories"] = calibration;

  const auto trained = train_together(options, network, [&](const NetworkOptions& part) {
    NetworkSetting setting{options, part, schedule, images};
    Json unwritten;
    for (const std::string& name : names) {
      (void)trained_unet(all_networks.at(name), name, setting, unwritten);
      if (has_twins) (void)trained_twin(name, setting, unwritten);
    }
  });
  if (!trained) return;
  NetworkSetting setting{options, *trained, schedule, images};
  const Index d = images.dimension();
  Comparison comparison{setting,     report,   schedule.levels(),
                        shown_noise, {},       normal_batch<float>(d, calibration, Seed{options.seed + 1}),
                        local_names, has_twins};
  comparison.noise.resize(d, options.measured);
  const Index shown = std::min(options.measured, comparison.shown_noise.cols());
  comparison.noise.leftCols(shown) = comparison.shown_noise.leftCols(shown);
  comparison.shown_noise = comparison.noise.leftCols(shown).eval();
  comparison.noise.rightCols(options.measured - shown) =
      normal_batch<float>(d, options.measured - shown, Seed{options.seed}, streams::initial_noise, shown);
  if (!network.train_only) {
    const auto add = [&](const std::string& name, const auto& architecture) {
      comparison.common.push_back(
          {name, fitted_sampler(options.backend, architecture, images.samples(), schedule.levels()), name});
    };
    add("Linear", Linear{});
    add("Ideal", Ideal{});
    if (std::find(local_names.begin(), local_names.end(), "uncalibrated") != local_names.end())
      for (const Index size : wiener_patch_sizes(images.samples(), images.shape(), comparison.levels))
        comparison.windows_of_data.push_back({size});
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
                     .panel_width = 560,
                     .title = "How well theory predicts x0_hat of the networks\nalong their own trajectories"});
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
  std::vector<std::string> local_names{"PatchPosterior", "uncalibrated", "LocalScore", "EquivariantLocalScore",
                                       "receptive field"};
  bool has_twins = false;
  Index calibration = 8;
  add_figure_options(line, options);
  add_network_options(line, network);
  line.add({"--networks", &names, "U-Nets, comma separated", one_of(names)});
  line.add({"--calibration", &calibration, "Trajectories that choose the patch sizes", whole_number(1, 10'000)});
  line.add(
      {"--local", &local_names,
       "Theories with patches, comma separated: PatchPosterior, over the places that the network cannot tell apart, "
       "with calibrated windows, and a blend of several windows, Linear and Ideal; uncalibrated, the same with windows "
       "from the "
       "data alone; LocalScore and EquivariantLocalScore with "
       "calibrated patch sizes (the second costs as many times the first as an image has pixels); and patches as "
       "wide as the network's receptive field",
       one_of(local_names)});
  line.add({"--twins", &has_twins,
            "Train each network a second time, with the next seed: how well does a network predict its twin?"});
  return run_network_program(line, options, network, argc, argv, [&] {
    if (options.quick) {
      if (!line.names("--measured")) options.measured = 3;
      if (!line.names("--calibration")) calibration = 2;
      if (!line.names("--networks")) names = {"pools_1_circular"};
    }
    apply_profile(line, unet_profiles(), options, network);
    require_distinct("--networks", names);
    require_distinct("--local", local_names);
    compare(options, network, names, local_names, calibration, has_twins);
  });
}
