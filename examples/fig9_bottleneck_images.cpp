// Figure 9: denoisers with a bottleneck, on images.
//
// For every noise level of the schedule a network d -> h, nine linear layers of width h, h -> d is trained to remove
// the noise from the training images. All it can put out lies on a set of dimension h (Theorem 6). The paper: with h =
// 1000 numbers for 1000 images the samples are copies of training images, with 500 and 100 they are not. Below each row
// is the training image nearest to each sample, with its rms distance and the gap ratio d1 / d2 of the distances to the
// nearest two: a copy has a ratio near 0.
//
// --profile cpu works at 32 pixels with 10 instead of 50 noise levels, each continuing from the weights of the noisier
// one, so that a fifth of the paper's epochs at three times its learning rate are enough; batches of 50 because a step
// of the optimiser on 15 million weights costs as much as the products for 30 images.

#include "common/options/command_line.hpp"
#include "common/training/shared_training.hpp"
#include "common/training/trained_networks.hpp"

namespace {

using namespace diffarch;
using namespace figures;

const TrainingProfile cpu{.size = 32,
                          .count = 1000,
                          .steps = 10,
                          .training = {.epochs = 100, .batch_size = 50, .learning_rate = 3e-4, .warm_start = true}};

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Figure 9: samples of trained networks with a bottleneck", "fig9_bottleneck_images");
  FigureOptions options{.samples = 10, .measured = 200};
  NetworkOptions network;
  std::vector<int> widths{1000, 500, 100};
  add_figure_options(line, options);
  add_network_options(line, network);
  line.add({"--widths", &widths, "Widths h, comma separated, out of 1000, 500, 100", one_of_numbers({1000, 500, 100})});
  return run_network_program(line, options, network, argc, argv, [&] {
    apply_profile(line, image_profiles(cpu), options, network);
    require_distinct("--widths", widths);
    run_network_figure("Networks with a bottleneck of h,", static_cast<Index>(widths.size()), options, network,
                       [&](NetworkFigure& figure) {
                         for (const int h : widths) {
                           const std::string name = detail::concat("h_", h);
                           Json entry;
                           const auto sampler = trained_bottleneck(h, name, figure, entry);
                           add_network_row(name, detail::concat("h = ", h), sampler, std::move(entry), figure);
                         }
                       });
  });
}
