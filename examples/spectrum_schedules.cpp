// Not a figure of the paper: which schedule should DDIM take for the data at hand?
//
// A linear denoiser sampled with N steps of DDIM generates a Gaussian that is known in closed form, and it is too
// narrow: every mode loses variance by the angle between its steps. How much is left of each mode, and how far, in W2,
// the generated Gaussian is from that of the data, depends on the schedule. We compare the cosine schedules and
// Karras's with the one that is optimal for the spectrum of these data, and with variance-exact DDIM, whose steps are
// corrected mode by mode and for which the schedule does not matter. Each prediction is measured twice:
//  - from initial noise whose first two moments are exact in the modes (K + 1 samples): a linear sampler then has no
//    sampling error, and the measured W2 is the predicted one up to rounding;
//  - from --measured independent samples, whose own sampling error, W2 of about sqrt(total variance / 2n), is added to
//    what is predicted, and whose standard error is known: the score z says how well they agree.
// W2 is that of the covariances, which share their modes. The error of the mean is beside it, and W2 of both together:
// a small sigma_T helps the one and hurts the other.
//
// Then we ask the same for every rule that is predicted: how far is it from the data, for how many calls of the
// denoiser, on the usual levels and on those that are optimal for itself (spectrum_schedules/rules.hpp)? With --models
// we ask whether these levels are also good for denoisers that are not linear (spectrum_schedules/models.hpp).

#include <cmath>

#include "common/data/figure_data.hpp"
#include "common/options/command_line.hpp"
#include "common/report/linear_row.hpp"
#include "diffarch/analysis/bures.hpp"
#include "diffarch/analysis/moment_matching.hpp"
#include "diffarch/core/random.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"
#include "diffarch/schedule/karras.hpp"
#include "diffarch/schedule/spectrum_optimal.hpp"
#include "spectrum_schedules/models.hpp"
#include "spectrum_schedules/rules.hpp"

namespace {

using namespace diffarch;
using namespace figures;

/// What `bures_distance_of_spectra`, squared, is on average when the variances v of one Gaussian are those of n samples
/// of it, about its known mean, and how far it scatters.
struct ExpectedSquaredW2 {
  double mean = 0.0;
  double standard_error = 0.0;
};

/// Per mode it is v S - 2 sqrt(lambda v S) + lambda with n S chi-square of n degrees: E S = 1, E sqrt(S) = c, Var S =
/// 2 / n, Var sqrt(S) = 1 - c^2, Cov(S, sqrt(S)) = c / n, with c = sqrt(2 / n) Gamma((n + 1) / 2) / Gamma(n / 2).
ExpectedSquaredW2 expected_squared_w2(const Vector<double>& variances, const Vector<double>& lambdas, Index samples) {
  const auto n = static_cast<double>(samples);
  const double c = std::sqrt(2.0 / n) * std::exp(std::lgamma(0.5 * (n + 1.0)) - std::lgamma(0.5 * n));
  ExpectedSquaredW2 result;
  double variance = 0.0;
  for (Index mode = 0; mode < variances.size(); ++mode) {
    const double v = variances(mode);
    const double lambda = lambdas(mode);
    const double product = std::sqrt(lambda * v);
    result.mean += v - 2.0 * c * product + lambda;
    variance += 2.0 * v * v / n + 4.0 * lambda * v * (1.0 - c) * (1.0 + c) - 4.0 * v * product * c / n;
  }
  result.standard_error = std::sqrt(variance);
  return result;
}

/// A schedule, or a rule on a schedule, that is compared.
struct Contender {
  std::string name;
  NoiseLevels levels;
  bool variance_exact = false;
};

std::vector<Contender> contenders(const Vector<double>& eigenvalues, Index steps) {
  return {{"cosine", CosineSchedule{.steps = steps}.levels()},
          {"cosine, no offset", OffsetFreeCosineSchedule{.steps = steps}.levels()},
          {"Karras", KarrasSchedule{.steps = steps}.levels()},
          {"spectrum optimal", SpectrumOptimalSchedule(eigenvalues, steps).levels()},
          {"cosine, variance exact", CosineSchedule{.steps = steps}.levels(), true}};
}

/// What one contender generates: predicted, from moment-matched noise, and from independent noise.
template <class Scalar>
struct Outcome {
  PredictedGaussian predicted;
  Vector<double> matched_variance;
  Vector<double> measured_variance;
  Batch<Scalar> shown;
};

Series course_of_sigma(const Contender& contender) {
  Series series{.label = contender.name, .x = {}, .y = {}, .style = SeriesStyle::lines_points, .point_size = 0.5};
  const NoiseLevels& levels = contender.levels;
  for (Index k = 0; k < levels.steps(); ++k) {  // sigma_N = 0 has no place on a logarithmic axis
    series.x.push_back(static_cast<double>(k));
    series.y.push_back(levels[k].sigma());
  }
  return series;
}

Series kept_variance(const std::string& label, const Vector<double>& eigenvalues, const Vector<double>& variances) {
  Series series{.label = label, .x = {}, .y = {}, .style = SeriesStyle::lines};
  for (Index mode = 0; mode < eigenvalues.size(); ++mode) {
    series.x.push_back(eigenvalues(mode));
    series.y.push_back(variances(mode) / eigenvalues(mode));
  }
  return series;
}

/// The data, the denoiser fitted to them, and the noise that all contenders start from.
template <class Scalar>
struct Setting {
  const FigureOptions& options;
  const Dataset<Scalar>& images;
  AnySampler<Scalar> fitted;
  Vector<double> lambdas;       ///< eigenvalues of the covariance of the data
  Batch<Scalar> matched_noise;  ///< K + 1 samples whose first two moments are exact in the modes
  const Batch<Scalar>& shown_noise;
};

template <class Scalar>
Setting<Scalar> make_setting(const FigureOptions& options, const Dataset<Scalar>& images,
                             const Batch<Scalar>& shown_noise) {
  const NoiseLevels levels = CosineSchedule{}.levels();  // one fit serves all levels
  AnySampler<Scalar> fitted = fitted_sampler(options.backend, Linear{}, images.samples(), levels);
  const Spectrum<Scalar> spectrum = *fitted.spectrum();
  const Index d = fitted.dimension();
  const Index modes = spectrum.eigenvalues.size();
  detail::require(modes >= 1, images.name(), ": the images are all equal, and there is no spectrum");
  Batch<Scalar> matched_noise =
      match_moments(normal_batch<Scalar>(d, modes + 1, Seed{options.seed + 2}), Vector<double>(Vector<double>::Zero(d)),
                    spectrum.basis, Vector<double>(Vector<double>::Ones(modes)));
  return {options, images, std::move(fitted), spectrum.eigenvalues, std::move(matched_noise), shown_noise};
}

/// Samples by one contender and measures the variance of each mode.
template <class Scalar, class Rule>
Outcome<Scalar> run_contender(const Setting<Scalar>& setting, const Contender& contender, const Rule& rule) {
  const AnySampler<Scalar> sampler = resampled(setting.fitted, Linear{}, contender.levels, rule);
  const Batch<Scalar> basis = sampler.spectrum()->basis;
  Outcome<Scalar> outcome{sampler.predicted_distribution()->finite_steps, {}, {}, {}};
  const auto variances = [&](const Batch<Scalar>& samples) {
    return gaussian_agreement(samples, outcome.predicted.mean, basis, outcome.predicted.mode_variance)
        .measured_variance;
  };
  outcome.matched_variance = variances(sampler.sample_from(setting.matched_noise));
  outcome.measured_variance = variances(sampler.sample(setting.options.measured, Seed{setting.options.seed + 1}));
  outcome.shown = sampler.sample_from(setting.shown_noise);
  return outcome;
}

/// Prints and reports the spectrum, and the W2 of as many samples of the data's own Gaussian: what the W2 of a perfect
/// sampler would be measured to be.
void report_exact_samples(const Vector<double>& lambdas, const FigureOptions& options, FigureReport& report) {
  const Index modes = lambdas.size();
  const Vector<double> exact_variance =
      normal_batch<double>(modes, options.measured, Seed{options.seed + 3}).array().square().rowwise().mean() *
      lambdas.array();
  const double exact_w2 = bures_distance_of_spectra(exact_variance, lambdas);
  const double exact_expected = std::sqrt(expected_squared_w2(lambdas, lambdas, options.measured).mean);
  std::printf(
      "%ld modes, total variance %.6g, largest %.6g, smallest %.3g\n"
      "W2 of %ld samples of the data's own Gaussian: %.4g (expected %.4g)\n\n",
      static_cast<long>(modes), lambdas.sum(), lambdas(0), lambdas(modes - 1), static_cast<long>(options.measured),
      exact_w2, exact_expected);
  report["spectrum"] = {{"modes", modes}, {"total_variance", lambdas.sum()}, {"eigenvalues", to_json(lambdas)}};
  report["exact_samples"] = {{"samples", options.measured}, {"w2", exact_w2}, {"expected_w2", exact_expected}};
}

/// Prints and reports how far a contender's samples are from the data: predicted and measured. `cosine_w2`: the
/// predicted W2 of the cosine schedule with as many steps, which this function sets when it is still 0.
template <class Scalar>
void report_contender(const Contender& contender, const Outcome<Scalar>& outcome, double& cosine_w2,
                      const Setting<Scalar>& setting, FigureReport& report) {
  const Vector<double>& lambdas = setting.lambdas;
  const Index samples = setting.options.measured;
  const Index steps = contender.levels.steps();
  const Vector<double>& predicted_variance = outcome.predicted.mode_variance;
  const double w2 = bures_distance_of_spectra(predicted_variance, lambdas);
  if (cosine_w2 == 0.0) cosine_w2 = w2;
  const double matched_w2 = bures_distance_of_spectra(outcome.matched_variance, lambdas);
  const double measured_w2 = bures_distance_of_spectra(outcome.measured_variance, lambdas);
  const ExpectedSquaredW2 expected = expected_squared_w2(predicted_variance, lambdas, samples);
  const double z = (measured_w2 * measured_w2 - expected.mean) / expected.standard_error;
  const double mean_error = outcome.predicted.mean_offset.norm();
  const double difference = std::abs(matched_w2 - w2) / w2;
  std::printf("%4ld  %-22s %9.4g %9.3g  %9.5g %9.4f  %10.6g %9.1e  %9.5g %9.5g %+6.2f  %9.2e %9.5g\n",
              static_cast<long>(steps), contender.name.c_str(), contender.levels.sigma_T(),
              contender.levels.last_sigma(), w2, w2 / cosine_w2, matched_w2, difference, measured_w2,
              std::sqrt(expected.mean), z, mean_error, std::hypot(w2, mean_error));
  report["rows"].push_back({{"steps", steps},
                            {"schedule", contender.name},
                            {"rule", contender.variance_exact ? VarianceExactDdim{}.name() : Ddim{}.name()},
                            {"sigmas", contender.levels.sigmas()},
                            {"w2", w2},
                            {"ratio_to_cosine", w2 / cosine_w2},
                            {"w2_from_moment_matched_noise", matched_w2},
                            {"relative_difference", difference},
                            {"w2_of_samples", measured_w2},
                            {"expected_w2_of_samples", std::sqrt(expected.mean)},
                            {"squared_w2_standard_error", expected.standard_error},
                            {"z", z},
                            {"mean_error", mean_error},
                            {"w2_with_mean_error", std::hypot(w2, mean_error)},
                            {"predicted_mode_variance", to_json(predicted_variance)},
                            {"measured_mode_variance", to_json(outcome.measured_variance)}});
}

/// The parts of the pictures, to which each number of steps adds its own.
struct Pictures {
  std::vector<Panel> panels = {};
  std::vector<LabelledRow> rows = {};  ///< samples of the first number of steps
};

/// Compares all contenders with one number of steps.
template <class Scalar>
void compare_schedules(Index steps, const Setting<Scalar>& setting, FigureReport& report, Pictures& pictures) {
  Panel sigmas{
      .title = detail::concat("Schedules of ", steps, " steps"), .x_label = "step", .y_label = "sigma", .log_y = true};
  Panel kept{.title = detail::concat("Variance generated / variance of the data, ", steps, " steps"),
             .x_label = "eigenvalue of the data covariance",
             .log_x = true,
             .legend_beside = true,
             .y_range = PlotRange{0.0, 1.1}};
  const bool is_first = pictures.panels.empty();
  std::printf("%4s  %-22s %9s %9s  %9s %9s  %10s %9s  %9s %9s %6s  %9s %9s\n", "N", "schedule", "sigma_T", "last", "W2",
              "/ cosine", "matched", "rel diff", "sampled", "expected", "z", "mean err", "both");
  double cosine_w2 = 0.0;
  for (const Contender& contender : contenders(setting.lambdas, steps)) {
    const Outcome<Scalar> outcome = contender.variance_exact ? run_contender(setting, contender, VarianceExactDdim{})
                                                             : run_contender(setting, contender, Ddim{});
    report_contender(contender, outcome, cosine_w2, setting, report);
    if (!contender.variance_exact) sigmas.series.push_back(course_of_sigma(contender));
    kept.series.push_back(kept_variance(contender.name, setting.lambdas, outcome.predicted.mode_variance));
    if (is_first) pictures.rows.emplace_back(contender.name, outcome.shown);
    if (setting.options.save_npy) {
      const auto file = report.path(detail::concat("steps_", steps, "_row_", report["rows"].size(), ".npy"));
      write_npy_images(file, outcome.shown, setting.images.shape());
      report.add_file(file);
    }
  }
  std::printf("\n");
  pictures.panels.push_back(std::move(sigmas));
  pictures.panels.push_back(std::move(kept));
}

/// The options of this program alone.
struct ScheduleOptions {
  std::vector<Index> steps = {10, 50};
  std::vector<Index> calls = {10, 18, 25, 49, 99, 249};
  double sigma_T = 80.0;
  std::filesystem::path spectrum = {};
  spectrum_schedules::ModelOptions models = {};
};

template <class Scalar>
void figure(const FigureOptions& options, const ScheduleOptions& own) {
  const std::vector<Index>& step_counts = own.steps;
  FigureReport report(options, CosineSchedule{.steps = step_counts.front()}, Ddim{});
  report["settings"]["steps"] = step_counts;
  const Dataset<Scalar> images = load_data<Scalar>(options);
  report.set_training_data(images);
  const Batch<Scalar> shown_noise = initial_noise<Scalar>(options, images.shape());
  record_noise(shown_noise, images.shape(), options, report);
  require_room(options, images.shape(), 5, shown_noise.cols());

  const Setting<Scalar> setting = make_setting(options, images, shown_noise);
  report_exact_samples(setting.lambdas, options, report);
  Pictures pictures;
  for (const Index steps : step_counts) compare_schedules(steps, setting, report, pictures);

  report.add_plot("spectrum_schedules.png", pictures.panels,
                  {.columns = 2,
                   .panel_width = 680,
                   .panel_height = 440,
                   .title = "DDIM with a linear denoiser: schedules, and what they keep of each mode"});
  report.add_picture(
      "spectrum_schedules_samples.png", pictures.rows, images.shape(),
      {.title = detail::concat("Samples of the linear denoiser, ", step_counts.front(), " DDIM steps of each schedule"),
       .footer = "every column starts from the same noise"});
  spectrum_schedules::compare_rules(setting.lambdas, own.calls, own.sigma_T, report);
  spectrum_schedules::compare_models(images, setting.lambdas, own.calls, own.sigma_T, own.models, options.seed, report);
  report.write();
}

/// Compares the rules on the eigenvalues of a file, without images.
void figure_of_spectrum(const FigureOptions& options, const ScheduleOptions& own) {
  const NpyArray<double> stored = read_npy<double>(own.spectrum);
  detail::require(stored.shape.size() == 1 && !stored.values.empty(), own.spectrum.string(), ": ", stored.shape.size(),
                  " axes, expected one axis of eigenvalues");
  Vector<double> eigenvalues = Eigen::Map<const Vector<double>>(stored.values.data(), std::ssize(stored.values));
  const double largest = eigenvalues.maxCoeff();
  for (Index mode = 0; mode < eigenvalues.size(); ++mode) {
    detail::require(std::isfinite(eigenvalues(mode)) && eigenvalues(mode) >= -1e-6 * largest, own.spectrum.string(),
                    ": eigenvalue ", mode, " is ", eigenvalues(mode), ", expected a finite value >= 0");
    eigenvalues(mode) = std::max(eigenvalues(mode), 0.0);  // what rounding left of a zero
  }
  FigureReport report(options, KarrasSchedule{.sigma_max = own.sigma_T}, Ddim{});
  report["settings"]["spectrum"] = own.spectrum.string();
  report["spectrum"] = {{"modes", eigenvalues.size()}, {"total_variance", eigenvalues.sum()}};
  spectrum_schedules::compare_rules(eigenvalues, own.calls, own.sigma_T, report);
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("The DDIM schedule that is optimal for the spectrum of the data, beside the usual ones",
                   "spectrum_schedules");
  FigureOptions options;
  ScheduleOptions own;
  add_figure_options(line, options);
  line.add({"--steps", &own.steps, "Sampling steps N, comma separated", whole_number(1, 1000)});
  line.add({"--calls", &own.calls, "Calls of the denoiser for which all rules are compared, comma separated",
            whole_number(2, 1000)});
  line.add(
      {"--sigma-T", &own.sigma_T, "Where Karras's and the optimal levels start in that comparison", positive_number()});
  line.add({"--models", &own.models.models,
            "Denoisers that are not linear, comma separated, on the levels of the spectrum; takes minutes",
            one_of(spectrum_schedules::model_names())});
  line.add({"--model-samples", &own.models.samples, "Samples of each of them", whole_number(2)});
  line.add({"--floor", &own.models.floor, "Noise that blurs the training set of ideal_floor", positive_number()});
  line.add(without_default(
      {"--spectrum", &own.spectrum, "Eigenvalues (.npy, one axis) in place of images; only the rules are compared"}));
  return run_program(line, options, argc, argv, [&] {
    require_distinct("--steps", own.steps);
    require_distinct("--calls", own.calls);
    require_distinct("--models", own.models.models);
    detail::require(std::is_sorted(own.calls.begin(), own.calls.end()), "--calls: expected increasing numbers");
    detail::require(own.sigma_T > 0.002, "--sigma-T ", own.sigma_T, ": expected more than sigma_min = 0.002");
    constexpr std::size_t most = 70;  // that a plot has room for
    detail::require(own.steps.size() <= most, "--steps names ", own.steps.size(), " numbers; expected at most ", most);
    if (options.quick && !line.names("--calls")) own.calls = {10, 18};
    if (!own.spectrum.empty()) return figure_of_spectrum(options, own);
    require_backend(options.backend);
    if (options.double_precision)
      figure<double>(options, own);
    else
      figure<float>(options, own);
  });
}
