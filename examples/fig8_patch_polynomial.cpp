// Figure 8: local polynomial denoisers.
//
// Every pixel is predicted from a window around it by its own polynomial of degree 3; the window shrinks from the whole
// image to 3 x 3 pixels as the noise falls. Samples are put together from pieces of training images that need not fit
// each other. Ten steps, one window width and one number of features for each, as in the paper.

#include "common/data/figure_data.hpp"
#include "common/options/command_line.hpp"
#include "common/report/linear_row.hpp"
#include "common/report/polynomial_row.hpp"
#include "diffarch/denoiser/patch_polynomial.hpp"

namespace {

using namespace diffarch;
using namespace figures;

struct PatchOptions {
  PatchSchedule patches = {};
  std::string average = "legacy";
  double ridge = 0.0;
  double clip = 0.0;
};

template <class Averaging>
PolynomialRow row_of(const PatchOptions& patch, const PolynomialSetting& setting, FigureReport& report) {
  PatchPolynomial<3, Averaging> architecture{.shape = setting.training.shape(),
                                             .patches = patch.patches,
                                             .seed = Seed{setting.options.seed},
                                             .keep_levels = false};
  if (patch.ridge > 0.0) architecture.averaging.ridge = patch.ridge;
  return run_polynomial_row("patch_polynomial", architecture, setting, report);
}

void figure(const FigureOptions& options, const PatchOptions& patch) {
  detail::require(!options.double_precision,
                  "figure 8 keeps images in single precision (fits are solved in double): --dtype f32");
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const Dataset<float> images = load_data<float>(options);
  report.set_training_data(images);
  const Batch<float> noise = initial_noise<float>(options, images.shape());
  record_noise(noise, images.shape(), options, report);
  require_room(options, images.shape(), 2, noise.cols());
  PolynomialSetting setting{.options = options, .schedule = schedule, .training = images, .noise = noise};
  if (patch.clip > 0.0) setting.clip = patch.clip;
  report["settings"]["average"] = patch.average;
  report["settings"]["clip"] = setting.clip ? Json(*setting.clip) : Json("off");
  Json windows = Json::array();
  for (Index step = 0; step < options.steps; ++step)
    windows.push_back({{"patch_size", patch.patches.patch_size(step, options.steps, images.shape())},
                       {"width", patch.patches.width(step, options.steps)}});
  report["windows"] = windows;

  const PolynomialRow row = [&] {
    if (patch.average == "exact") return row_of<ExactAverage>(patch, setting, report);
    if (patch.average == "single") return row_of<SingleDraw>(patch, setting, report);
    return row_of<Legacy>(patch, setting, report);
  }();
  report.add_picture("fig8_patch_polynomial.png", {{"samples", row.shown}, {"nearest", row.nearest}}, images.shape(),
                     {.title = detail::concat("Patch polynomial denoiser, degree 3, average: ", patch.average, ", ",
                                              options.steps, " DDIM steps, ", images.size(), " training images"),
                      .column_captions = row.distances,
                      .footer = "above: rms distance to the nearest training image, and d1 / d2; black: escaped"});
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Figure 8: samples of local polynomial denoisers of degree 3", "fig8_patch_polynomial");
  FigureOptions options{.samples = 10, .measured = 1, .steps = 10};
  PatchOptions patch;
  add_figure_options(line, options);
  line.add({"--patch-sizes", &patch.patches.patch_sizes, "Window widths at 64 pixels, noisiest level first",
            whole_number(1, 64)});
  line.add({"--widths", &patch.patches.widths, "Random features, one number for each window width",
            whole_number(1, 1'000'000)});
  line.add({"--average", &patch.average, "Noise average: exact, single (one draw) or legacy (the paper's code)",
            one_of({"exact", "single", "legacy"})});
  line.add(without_default({"--ridge", &patch.ridge, "Ridge (0: the default of the average)", number(0.0)}));
  line.add(without_default({"--clip", &patch.clip, "Clip x0_hat to [-clip, clip] (0: off)", number(0.0)}));
  return run_program(line, options, argc, argv, [&] {
    detail::require(patch.patches.patch_sizes.size() == patch.patches.widths.size(), "--patch-sizes names ",
                    patch.patches.patch_sizes.size(), " windows, but --widths ", patch.patches.widths.size(),
                    " numbers; expected one number for each window");
    require_backend(options.backend);
    figure(options, patch);
  });
}
