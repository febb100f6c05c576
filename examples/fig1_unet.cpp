// Figure 1: U-Nets that differ in how much of the image a pixel of their output can see.
//
// For every noise level of the schedule a U-Net is trained to remove the noise from the same training images; the rows
// differ in the architecture alone. With enough pools every output pixel sees the whole image and the networks learn
// the training set by heart: the samples are copies. With fewer pools, fewer channels, or circular padding, which hides
// where in the image a pixel is, they are not. Below each row is the training image nearest to each sample, with its
// rms distance and the gap ratio d1 / d2 of the distances to the nearest two: a copy has a ratio near 0.
//
// The paper's images are 64 pixels wide, where 4 pools see everything. --profile cpu works at 32 pixels, where 3 do:
// one pool fewer in every row. What else it changes, and why:
//   100 images   fewer images are learnt by heart with fewer steps, and the contrast between the rows is the subject
//   10 levels    the paper's 50 only refine the trajectory; a copy is decided between sigma = 3 and 0.3
//   warm start   neighbouring levels want nearly the same weights: each continues where the noisier one ended
//   learning rate 1e-3, ten times the paper's, for fewer steps; the moving average takes out the noise of that

#include "common/options/command_line.hpp"
#include "common/training/shared_training.hpp"
#include "common/training/trained_networks.hpp"

namespace {

using namespace diffarch;
using namespace figures;

/// global: a network that sees everything (4 pools for images of 64 pixels, 3 for smaller ones); default and local: one
/// and two pools fewer; few_channels and circular: the default with 8 instead of 32 channels, or circular padding.
const std::vector<std::string> all_rows{"global", "default", "local", "few_channels", "circular"};

void add_row(const std::string& row, int default_pools, NetworkFigure& figure) {
  UNetChoice choice{.pools = default_pools};
  if (row == "global") ++choice.pools;
  if (row == "local") --choice.pools;
  if (row == "few_channels") choice.channels = 8;
  if (row == "circular") choice.padding = Padding::circular;
  std::string label = detail::concat(choice.pools, choice.pools == 1 ? " pool" : " pools");
  if (row == "few_channels") label += "\n8 channels";
  if (row == "circular") label += "\ncircular";
  Json entry;
  const auto sampler = trained_unet(choice, row, figure, entry);
  add_network_row(row, label, sampler, std::move(entry), figure);
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Figure 1: samples of U-Nets with different receptive fields", "fig1_unet");
  FigureOptions options{.samples = 10, .measured = 200};
  NetworkOptions network;
  std::vector<std::string> rows = all_rows;
  add_figure_options(line, options);
  add_network_options(line, network);
  line.add({"--rows", &rows, "Rows, comma separated, out of global, default, local, few_channels, circular",
            one_of(all_rows)});
  return run_network_program(line, options, network, argc, argv, [&] {
    apply_profile(line, unet_profiles(), options, network);
    require_distinct("--rows", rows);
    run_network_figure("U-Nets", static_cast<Index>(rows.size()), options, network, [&](NetworkFigure& figure) {
      const int default_pools = figure.images.shape().height >= 64 ? 3 : 2;
      for (const std::string& row : rows) add_row(row, default_pools, figure);
    });
  });
}
