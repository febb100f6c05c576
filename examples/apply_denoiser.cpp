// One network, trained here or by the reference code, on the samples of a file:
//
//   apply_denoiser --arch unet --pools 3 --channels 32 --padding zeros --weights F.safetensors --input y.npy --output
//   x0.npy apply_denoiser --arch mlp --hidden 100 ...      images, any number of channels apply_denoiser --arch mlp2d
//   --hidden 1 ...      points (n, 2)
//
// The weights are a state_dict with the reference code's names saved as safetensors (nn::load_weights). y is in VP
// units, as the networks are trained; they are applied in evaluation mode, images in single precision, points in
// double.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "common/architectures/apply_network.hpp"
#include "common/options/command_line.hpp"
#include "common/options/standard_streams.hpp"
#include "diffarch/io/atomic_file.hpp"
#include "diffarch/io/npy.hpp"

namespace {

using namespace diffarch;
using namespace figures;

struct Options {
  std::string arch = {};
  int pools = 3;
  Index channels = 32;
  std::string padding = "zeros";
  Index hidden = 0;
  std::filesystem::path weights = {};
  std::filesystem::path input = {};
  std::filesystem::path output = {};
  std::string backend = "cpu";
};

void require_member(const std::string& option, const std::string& value, const std::vector<std::string>& list) {
  std::string names;
  for (const std::string& name : list) names += (names.empty() ? "" : ", ") + name;
  detail::require(std::find(list.begin(), list.end(), value) != list.end(), option, " ", value, ": expected one of ",
                  names);
}

Batch<double> read_points(const std::filesystem::path& path) try {
  return read_npy_batch<double>(path, ImageShape{1, 1, 2});
} catch (const DimensionMismatch& mismatch) {
  throw DimensionMismatch(std::string("--input ") + mismatch.what() + "; expected points with --arch mlp2d");
}

Dataset<float> read_images(const std::filesystem::path& path) try {
  return load_npy_images<float>(path);
} catch (const OptionNeeded& needed) {
  // A network that takes the values of an image as one vector would also take them in another order.
  throw FileError("--input " + needed.path(), needed.problem() + "; numpy.moveaxis(y, 1, -1) moves channels last");
}

void run(const Options& options) {
  AtomicFile(options.output).write("");  // better now than after the work
  require_member("--arch", options.arch, {"unet", "mlp", "mlp2d"});
  require_member("--padding", options.padding, {"zeros", "circular"});
  require_member("--backend", options.backend, {"cpu", "cuda"});
  require_backend(options.backend);
  constexpr Index most_channels = 1024;
  detail::require(options.channels >= 1 && options.channels <= most_channels, "--channels ", options.channels,
                  ": expected 1 to ", most_channels);
  constexpr Index widest = 1'000'000;
  detail::require(options.arch == "unet" || (options.hidden >= 1 && options.hidden <= widest), "--hidden ",
                  options.hidden, ": expected 1 to ", widest, " with --arch ", options.arch);
  const auto apply = [&]<class Scalar>(const ImageShape& shape, const Batch<Scalar>& y) {
    const NetworkChoice choice{options.arch, options.pools, options.channels,
                               options.padding == "circular" ? Padding::circular : Padding::zeros, options.hidden};
    return on_backend(options.backend, [&]<class B>(std::type_identity<B>) {
      return apply_network<B>(choice, shape, options.weights, y);
    });
  };
  if (options.arch == "mlp2d") {
    write_npy_batch(options.output, apply(ImageShape{1, 1, 2}, read_points(options.input)));
    return;
  }
  const auto y = read_images(options.input);
  write_npy_images(options.output, apply(y.shape(), y.samples()), y.shape());
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line("Applies the denoising network of a safetensors file to the samples of a .npy file",
                   "apply_denoiser");
  Options options;
  line.add(required({"--arch", &options.arch, "Network: unet, mlp (images) or mlp2d (points)"}));
  line.add({"--pools", &options.pools, "unet: poolings, 1 to 4"});
  line.add({"--channels", &options.channels, "unet: channels at full resolution"});
  line.add({"--padding", &options.padding, "unet: zeros or circular"});
  line.add(without_default({"--hidden", &options.hidden, "mlp, mlp2d: width H of the bottleneck"}));
  line.add(required({"--weights", &options.weights, "Weights, a safetensors file"}));
  line.add(
      required({"--input", &options.input, "y, a .npy file: images (n, h, w[, c]), channels last, or points (n, 2)"}));
  line.add(required({"--output", &options.output, "x0_hat, a .npy file: (n, h, w, c) in f4, or (n, 2) in f8"}));
  line.add({"--backend", &options.backend, "Where the network runs: cpu or cuda"});
  keep_standard_streams_open();
  try {
    const std::optional<int> ended = line.parse(argc, argv);
    if (!ended) run(options);
    require_printed();
    return ended.value_or(0);
  } catch (const std::bad_alloc&) {
    std::fputs("apply_denoiser: error: not enough memory for this network and this input\n", stderr);
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "apply_denoiser: error: %s\n", error.what());
    return 1;
  }
}
