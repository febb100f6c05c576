// Figure 7: polynomial denoisers of images.
//
// A polynomial of degree k in 1024 random directions, fitted to the training images at every noise level, for k = 3, 9
// and 27. The paper's code normalises each input by its largest projection and fits to one noise draw (--average
// legacy); we also fit true polynomials, to one noise draw (single) or to the exact average over the noise (exact). The
// last row shows the training image nearest to each k = 27 sample, with its distance and the ratio to the second
// nearest: a copy has a ratio near 0. With --compare the rows are feature sets at k = 3 instead: isotropic directions,
// directions that follow the spectrum of the data, gradients, and the legacy features, beside the linear denoiser.

#include "common/data/figure_data.hpp"
#include "common/options/command_line.hpp"
#include "common/report/linear_row.hpp"
#include "common/report/polynomial_row.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/random_features.hpp"
#include "diffarch/denoiser/spectral_features.hpp"

namespace {

using namespace diffarch;
using namespace figures;

struct PolynomialOptions {
  std::vector<int> degrees = {3, 9, 27};
  Index width = 1024;
  std::string average = "legacy";
  bool no_bias = false;
  double ridge = 0.0;
  double clip = 0.0;
  bool compare = false;
};

template <class Averaging>
RandomFeatures<Averaging> features(const PolynomialOptions& polynomial, std::uint64_t seed) {
  RandomFeatures<Averaging> result{.width = polynomial.width, .seed = Seed{seed}, .keep_levels = false};
  result.bias = result.bias && !polynomial.no_bias;
  if (polynomial.ridge > 0.0) result.averaging.ridge = polynomial.ridge;
  return result;
}

template <class Averaging>
PolynomialRow row_of_degree(int degree, const RandomFeatures<Averaging>& features, const PolynomialSetting& setting,
                            FigureReport& report) {
  const std::string name = detail::concat("degree_", degree);
  if (degree == 3) return run_polynomial_row(name, Polynomial<3, RandomFeatures<Averaging>>{features}, setting, report);
  if (degree == 9) return run_polynomial_row(name, Polynomial<9, RandomFeatures<Averaging>>{features}, setting, report);
  return run_polynomial_row(name, Polynomial<27, RandomFeatures<Averaging>>{features}, setting, report);
}

void figure(const FigureOptions& options, const PolynomialOptions& polynomial) {
  detail::require(!options.double_precision,
                  "figure 7 keeps images in single precision (fits are solved in double): --dtype f32");
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const Dataset<float> images = load_data<float>(options);
  report.set_training_data(images);
  const Batch<float> noise = initial_noise<float>(options, images.shape());
  record_noise(noise, images.shape(), options, report);
  require_room(options, images.shape(), polynomial.compare ? 5 : static_cast<Index>(polynomial.degrees.size()) + 1,
               noise.cols());
  detail::require_memory<double>(polynomial.width, polynomial.width, "--width ", polynomial.width);
  PolynomialSetting setting{.options = options, .schedule = schedule, .training = images, .noise = noise};
  if (polynomial.clip > 0.0) setting.clip = polynomial.clip;
  report["settings"]["width"] = polynomial.width;
  report["settings"]["average"] = polynomial.compare ? "compare" : polynomial.average;
  report["settings"]["clip"] = setting.clip ? Json(*setting.clip) : Json("off");

  std::vector<LabelledRow> rows;
  RowsOptions layout;
  if (polynomial.compare) {
    setting.measured = options.measured;
    const auto add = [&](const std::string& name, const std::string& label, const auto& architecture) {
      rows.emplace_back(label, run_polynomial_row(name, architecture, setting, report).shown);
      report.save_partial();
    };
    add("linear", "Linear", Linear{});
    add("isotropic", "isotropic\nexact",
        Polynomial<3, RandomFeatures<ExactAverage>>{features<ExactAverage>(polynomial, options.seed)});
    add("spectral", "spectral", Polynomial<3, SpectralFeatures<Monomials>>{});
    add("spectral_conservative", "spectral\nconservative", Polynomial<3, SpectralFeatures<Conservative>>{});
    add("legacy", "legacy", Polynomial<3, RandomFeatures<Legacy>>{features<Legacy>(polynomial, options.seed)});
    layout.title = detail::concat("Degree 3 with other features, ", options.steps, " DDIM steps, ", images.size(),
                                  " training images");
    layout.footer = "every column starts from the same noise; black: escaped";
  } else {
    PolynomialRow last;
    for (const int degree : polynomial.degrees) {
      last = [&] {
        if (polynomial.average == "exact")
          return row_of_degree(degree, features<ExactAverage>(polynomial, options.seed), setting, report);
        if (polynomial.average == "single")
          return row_of_degree(degree, features<SingleDraw>(polynomial, options.seed), setting, report);
        return row_of_degree(degree, features<Legacy>(polynomial, options.seed), setting, report);
      }();
      rows.emplace_back(detail::concat("k = ", degree), last.shown);
      report.save_partial();
    }
    rows.emplace_back(detail::concat("nearest to\nk = ", polynomial.degrees.back()), last.nearest);
    layout.title =
        detail::concat("Polynomial denoisers of degree k, ", polynomial.width,
                       " random features, average: ", polynomial.average, ", ", options.steps, " DDIM steps");
    layout.column_captions = last.distances;
    layout.footer = "above: rms distance of the last row to its nearest training image, and d1 / d2; black: escaped";
  }
  report.add_picture("fig7_polynomial_images.png", rows, images.shape(), layout);
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Figure 7: samples of polynomial denoisers of images, k = 3, 9, 27", "fig7_polynomial_images");
  FigureOptions options{.samples = 10, .measured = 500, .steps = 50};
  PolynomialOptions polynomial;
  add_figure_options(line, options);
  line.add(
      {"--degrees", &polynomial.degrees, "Degrees k, comma separated, out of 3, 9, 27", one_of_numbers({3, 9, 27})});
  line.add({"--average", &polynomial.average, "Noise average: exact, single (one draw) or legacy (the paper's code)",
            one_of({"exact", "single", "legacy"})});
  line.add({"--width", &polynomial.width, "Random features", whole_number(1, 1'000'000)});
  line.add({"--no-bias", &polynomial.no_bias, "(R y)^k instead of (R y + b)^k"});
  line.add(without_default({"--ridge", &polynomial.ridge, "Ridge (0: the default of the average)", number(0.0)}));
  line.add(without_default({"--clip", &polynomial.clip, "Clip x0_hat to [-clip, clip] (0: off)", number(0.0)}));
  line.add(
      {"--compare", &polynomial.compare, "Rows: feature sets at degree 3, beside Linear; draws --measured samples"});
  return run_program(line, options, argc, argv, [&] {
    require_distinct("--degrees", polynomial.degrees);
    require_backend(options.backend);
    figure(options, polynomial);
  });
}
