// Figure 6: a linear denoiser cannot tell the training images from Gaussian samples.
//
// A linear denoiser knows its data by mean and covariance only (Theorem 3). Fit one to images and draw a set of
// samples; fit a second one to those samples. Started from the same noise the two generate nearly the same images: the
// second row of the figure looks like the first although it has never seen a face.
//
// Nearly: N DDIM steps under-disperse, so each generation contracts the spectrum, lambda -> (1 + sigma_T^2)
// G(lambda)^2, and a finite set of samples spreads its sample eigenvalues as Marchenko and Pastur say. --generations
// repeats the procedure to show the contraction beside its prediction; --moment-matched whitens and recolours each set
// to the moments of the images, after which the rows agree to rounding.

#include "common/data/figure_data.hpp"
#include "common/options/command_line.hpp"
#include "common/report/linear_row.hpp"
#include "diffarch/analysis/moment_matching.hpp"
#include "diffarch/denoiser/linear.hpp"

namespace {

using namespace diffarch;
using namespace figures;

struct ResamplingOptions {
  Index generations = 1;
  Index resampled = 0;
  bool moment_matched = false;
};

/// Largest difference of two denoisers over all levels of a schedule, relative to their size, on noisy training images.
template <class Model, class Scalar>
double denoiser_difference(const Model& a, const Model& b, const Batch<Scalar>& x, const NoiseLevels& levels) {
  const Batch<Scalar> probes = x.leftCols(std::min<Index>(x.cols(), 16));
  const Batch<Scalar> noise = normal_batch<Scalar>(x.rows(), probes.cols(), Seed{1}, Stream{1U << 16U});
  double largest = 0.0;
  for (Index step = 0; step < levels.steps(); ++step) {
    const NoiseLevel level = levels[step];
    const Batch<Scalar> y = static_cast<Scalar>(level.signal) * probes + static_cast<Scalar>(level.noise) * noise;
    const Batch<Scalar> reference = a.denoise(y, level);
    largest = std::max(largest, static_cast<double>((b.denoise(y, level) - reference).norm() / reference.norm()));
  }
  return largest;
}

template <class Scalar>
void figure(const FigureOptions& options, const ResamplingOptions& resampling) {
  const CosineSchedule schedule{.steps = options.steps};
  const NoiseLevels levels = schedule.levels();
  FigureReport report(options, schedule, Ddim{});
  const Dataset<Scalar> images = load_data<Scalar>(options);
  report.set_training_data(images);
  const Index resampled = resampling.resampled > 0 ? resampling.resampled : images.size();
  const Index modes = covariance_rank(options.backend, images.samples());
  detail::require(resampled >= 2, "--resampled ", resampled, ": expected at least 2 samples to fit to");
  detail::require(!resampling.moment_matched || resampled > modes, "--resampled ", resampled,
                  ": with --moment-matched ", "expected at least ", modes + 1,
                  ", one more than the covariance of the images has modes");
  report["settings"]["generations"] = resampling.generations;
  report["settings"]["resampled"] = resampled;
  report["settings"]["moment_matched"] = resampling.moment_matched;
  const Batch<Scalar> noise = initial_noise<Scalar>(options, images.shape());
  record_noise(noise, images.shape(), options, report);
  require_room(options, images.shape(), resampling.generations + 1, noise.cols());

  const auto first = run_linear_row("fitted_on_data", Linear{}, schedule, images, images, noise, options, report);
  const Vector<double> data_variance = first.model.eigenvalues();
  const Vector<double> data_mean = first.model.mean();
  std::vector<LabelledRow> rows{{"fitted on\nthe data", first.shown}};
  std::vector<Series> spectra{spectrum("training data", data_variance, SeriesStyle::lines)};

  auto previous = first;
  Vector<double> predicted_variance = data_variance;
  for (Index generation = 1; generation <= resampling.generations; ++generation) {
    Batch<Scalar> set =
        previous.sampler.sample(resampled, Seed{options.seed + 1000 + static_cast<std::uint64_t>(generation)});
    if (resampling.moment_matched) set = match_moments(set, data_mean, first.model.basis(), data_variance);
    const Dataset<Scalar> samples(std::move(set), images.shape(),
                                  detail::concat("samples of generation ", generation - 1));
    const std::string name = detail::concat("refitted_", generation);
    previous = run_linear_row(name, Linear{}, schedule, samples, images, noise, options, report);
    rows.emplace_back(
        detail::concat("fitted on\nsamples", resampling.generations > 1 ? detail::concat(" ", generation) : ""),
        previous.shown);

    // Prediction for the covariance that this generation was fitted to: one contraction per generation.
    if (!resampling.moment_matched)
      predicted_variance =
          (levels[0].scale() * trajectory_gains(Ddim{}, predicted_variance, levels)).cwiseAbs2().eval();
    const double difference = static_cast<double>((previous.shown - first.shown).norm() /
                                                  (first.shown.colwise() - data_mean.cast<Scalar>()).norm());
    const double denoiser = denoiser_difference(first.model, previous.model, images.samples(), levels);
    const double total = previous.model.eigenvalues().sum();
    std::printf(
        "  generation %ld: samples differ from the first row by %.3g of their deviation from the mean; denoisers by "
        "%.3g\n  generation %ld: total variance fitted %.6g, predicted by the contraction %.6g (data %.6g)\n",
        static_cast<long>(generation), difference, denoiser, static_cast<long>(generation), total,
        predicted_variance.sum(), data_variance.sum());
    report["generations"].push_back({{"generation", generation},
                                     {"relative_sample_difference", difference},
                                     {"relative_denoiser_difference", denoiser},
                                     {"total_variance", total},
                                     {"predicted_total_variance", predicted_variance.sum()},
                                     {"mode_variance", to_json(previous.model.eigenvalues())},
                                     {"predicted_mode_variance", to_json(predicted_variance)}});
    spectra.push_back(spectrum(detail::concat("fitted to samples, generation ", generation),
                               previous.model.eigenvalues(), SeriesStyle::points));
    Series predicted = spectrum(generation == 1 ? "predicted" : "", predicted_variance, SeriesStyle::dashed_lines);
    predicted.colour = "#000000";
    spectra.push_back(std::move(predicted));
  }

  report.add_picture("fig6_linear_resampled.png", rows, images.shape(),
                     {.title = detail::concat(
                          "Linear denoisers fitted on data and on ", resampled, " of their own samples",
                          resampling.moment_matched ? " (moment matched)" : "", ", ", options.steps, " DDIM steps"),
                      .footer = "every column starts from the same noise"});
  report.add_plot("fig6_spectrum.png",
                  {{.title = "Covariance spectrum per generation",
                    .x_label = "mode",
                    .y_label = "variance",
                    .series = spectra,
                    .log_x = true,
                    .log_y = true,
                    .y_range = PlotRange{1e-7 * data_variance(0), 10.0 * data_variance(0)}}},
                  {.panel_width = 800, .panel_height = 560});
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Figure 6: a linear denoiser fitted on data, and one fitted on the first one's samples",
                   "fig6_linear_resampled");
  FigureOptions options;
  ResamplingOptions resampling;
  add_figure_options(line, options);
  line.add({"--generations", &resampling.generations, "How often to sample and refit", whole_number(1, 100)});
  line.add({"--resampled", &resampling.resampled, "Samples per generation (0: as many as training images)",
            whole_number(0, 10'000'000)});
  line.add({"--moment-matched", &resampling.moment_matched,
            "Whiten and recolour each set of samples to the moments of the data"});
  return run_program(line, options, argc, argv, [&] {
    require_backend(options.backend);
    if (options.double_precision)
      figure<double>(options, resampling);
    else
      figure<float>(options, resampling);
  });
}
