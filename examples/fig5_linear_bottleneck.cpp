// Figure 5: linear denoisers with a bottleneck.
//
// A linear denoiser whose weight matrix has rank K can do no better than keep the K leading eigenvectors of the
// training covariance and shrink each by its Wiener gain (Theorem 4). Sampling with it draws from the Gaussian with the
// rank-K part of the training covariance: K = 10 gives very smooth images, K = 100 more detail, and without a
// bottleneck the samples are as sharp, and as noisy, as a Gaussian of full rank can be. Every column starts from the
// same noise. The paper fits on 1000 images and takes 10 DDIM steps of the cosine schedule; so do we, and print beside
// each row the distribution that theory predicts for exactly these 10 steps.

#include <CLI/CLI.hpp>

#include "common/figure_data.hpp"
#include "common/linear_row.hpp"

namespace {

using namespace diffarch;
using namespace figures;

template <class B, class Scalar>
void figure(const FigureOptions& options, const std::vector<Index>& ranks) {
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const Dataset<Scalar> images = load_data<Scalar>(options);
  report.set_training_data(images);
  const Batch<Scalar> noise = initial_noise<Scalar>(options, images.shape());
  record_noise(noise, images.shape(), options, report);

  std::vector<LabelledRow> rows;
  std::vector<Panel> panels;
  const auto add_row = [&](const std::string& name, const std::string& label, const auto& architecture) {
    const auto row = run_linear_row<B>(name, architecture, schedule, images, images, noise, options, report);
    rows.emplace_back(label, row.shown);
    const Vector<double>& predicted = row.prediction.finite_steps.mode_variance;
    panels.push_back(
        {.title = architecture.name(),
         .x_label = "mode",
         .y_label = "variance",
         .series = {spectrum("training data", row.model.eigenvalues(), SeriesStyle::lines),
                    spectrum("measured in the samples", row.agreement.measured_variance, SeriesStyle::points),
                    spectrum(detail::concat("predicted, ", options.steps, " steps"), predicted,
                             SeriesStyle::dashed_lines)},
         .log_x = true,
         .log_y = true});
  };
  for (const Index rank : ranks)
    add_row(detail::concat("rank_", rank), detail::concat("K = ", rank), RankK{.rank = rank});
  add_row("linear", "no\nbottleneck", Linear{});

  report.add_picture("fig5_linear_bottleneck.png", rows, images.shape(),
                     {.title = detail::concat("Samples of linear denoisers of rank K, ", options.steps, " DDIM steps, ",
                                              images.size(), " training images"),
                      .footer = "every column starts from the same noise"});
  report.add_plot("fig5_spectrum.png", panels,
                  {.columns = static_cast<Index>(panels.size()), .title = "Variance of each eigenmode"});
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Figure 5: samples of linear denoisers of rank K = 10, 100 and without a bottleneck",
               "fig5_linear_bottleneck");
  FigureOptions options;
  std::vector<Index> ranks{10, 100};
  add_figure_options(app, options);
  app.add_option("--ranks", ranks, "Ranks K, comma separated; the row without a bottleneck is always added")
      ->delimiter(',')
      ->capture_default_str();
  return run_program(app, options, argc, argv, [&] {
    on_backend(options.backend, [&]<class B>(std::type_identity<B>) {
      if (options.double_precision)
        figure<B, double>(options, ranks);
      else
        figure<B, float>(options, ranks);
    });
  });
}
