// Figure 5: linear denoisers with a bottleneck.
//
// A linear denoiser whose weight matrix has rank K can do no better than keep the K leading eigenvectors of the
// training covariance and shrink each by its Wiener gain (Theorem 4). Sampling with it draws from the Gaussian with the
// rank-K part of the training covariance: K = 10 gives very smooth images, K = 100 more detail, and without a
// bottleneck the samples are as sharp, and as noisy, as a Gaussian of full rank can be. Every column starts from the
// same noise. The paper fits on 1000 images and takes 10 DDIM steps of the cosine schedule; so do we, and print beside
// each row the distribution that theory predicts for exactly these 10 steps.

#include <algorithm>

#include "common/data/figure_data.hpp"
#include "common/options/command_line.hpp"
#include "common/report/linear_row.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"

namespace {

using namespace diffarch;
using namespace figures;

/// Ranks K of the rows.
struct Ranks {
  std::vector<Index> list = {10, 100};
  bool are_given = false;  ///< on the command line
};

/// The ranks for images whose covariance has rank `largest`: those that were given, or those of the paper that are no
/// larger, or half of the largest where both are.
std::vector<Index> ranks_for(Index largest, const Ranks& ranks) {
  std::vector<Index> possible;
  for (const Index rank : ranks.list) {
    detail::require(rank <= largest || !ranks.are_given, "--ranks ", rank, ": expected 1 to ", largest,
                    ", the rank of the covariance of these images");
    if (rank <= largest) possible.push_back(rank);
  }
  if (possible.empty()) possible.push_back((largest + 1) / 2);
  return possible;
}

template <class Scalar>
void figure(const FigureOptions& options, const Ranks& wanted) {
  const CosineSchedule schedule{.steps = options.steps};
  FigureReport report(options, schedule, Ddim{});
  const Dataset<Scalar> images = load_data<Scalar>(options);
  report.set_training_data(images);
  const Batch<Scalar> noise = initial_noise<Scalar>(options, images.shape());
  const std::vector<Index> ranks = ranks_for(covariance_rank(options.backend, images.samples()), wanted);
  require_room(options, images.shape(), static_cast<Index>(ranks.size()) + 1, noise.cols());
  record_noise(noise, images.shape(), options, report);

  std::vector<LabelledRow> rows;
  std::vector<Panel> panels;
  const auto add_row = [&](const std::string& name, const std::string& label, const auto& architecture) {
    const auto row = run_linear_row(name, architecture, schedule, images, images, noise, options, report);
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
  report.add_plot(
      "fig5_spectrum.png", panels,
      {.columns = std::min<Index>(4, static_cast<Index>(panels.size())), .title = "Variance of each eigenmode"});
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Figure 5: samples of linear denoisers of rank K = 10, 100 and without a bottleneck",
                   "fig5_linear_bottleneck");
  FigureOptions options;
  Ranks ranks;
  add_figure_options(line, options);
  line.add({"--ranks", &ranks.list,
            "Ranks K, comma separated; the row without a bottleneck is always added (default: of these the ranks that "
            "so many images can have)",
            whole_number(1)});
  return run_program(line, options, argc, argv, [&] {
    ranks.are_given = line.names("--ranks");
    require_distinct("--ranks", ranks.list);
    require_backend(options.backend);
    if (options.double_precision)
      figure<double>(options, ranks);
    else
      figure<float>(options, ranks);
  });
}
