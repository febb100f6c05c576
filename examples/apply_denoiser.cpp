// One network, trained here or by the reference code, on the samples of a file:
//
//   apply_denoiser --arch unet --pools 3 --channels 32 --padding zeros --weights F.safetensors --input y.npy --output
//   x0.npy apply_denoiser --arch mlp --hidden 100 ...      images, any number of channels apply_denoiser --arch mlp2d
//   --hidden 1 ...      points (n, 2)
//
// The weights are a state_dict with the reference code's names saved as safetensors (nn::load_weights). y is in VP
// units, as the networks are trained; they are applied in evaluation mode, images in single precision, points in
// double.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "diffarch/io/npy.hpp"
#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/network.hpp"
#include "diffarch/nn/unet.hpp"
#include "diffarch/nn/weights_file.hpp"

namespace {

using namespace diffarch;

struct Options {
  std::string arch = {};
  int pools = 3;
  int channels = 32;
  std::string padding = "zeros";
  Index hidden = 0;
  std::filesystem::path weights = {};
  std::filesystem::path input = {};
  std::filesystem::path output = {};
  std::string backend = "cpu";
};

/// A run-time value out of a list known at compile time: calls use(integral_constant) for the one that equals `value`.
template <class T, T... choices, class Use>
void choose(const std::string& option, T value, std::integer_sequence<T, choices...> /*list*/, const Use& use) {
  const bool found = ((value == choices ? (use(std::integral_constant<T, choices>{}), true) : false) || ...);
  std::string list;
  ((list += (list.empty() ? "" : ", ") + std::to_string(choices)), ...);
  detail::require(found, option, " ", value, ": expected one of ", list);
}

/// One sample at a time, as the samplers do: no result depends on which others are in the file.
template <class Body>
Batch<typename Body::Scalar> denoise(Body body, ImageShape shape, const std::filesystem::path& weights,
                                     const Batch<typename Body::Scalar>& y) {
  nn::Network<Body> network(std::move(body), shape);
  nn::load_weights(weights, network);
  Batch<typename Body::Scalar> x0(y.rows(), y.cols());
  for (Index sample = 0; sample < y.cols(); ++sample)
    x0.col(sample) = network.forward(y.col(sample), nn::Mode::evaluate);
  return x0;
}

Batch<float> denoise_by_unet(const Options& options, const Dataset<float>& y) {
  Batch<float> x0;
  const auto apply = [&]<int pools, int channels, Padding padding>() {
    x0 = denoise(nn::UNet<pools, channels, padding>(y.shape().channels), y.shape(), options.weights, y.samples());
  };
  choose("--pools", options.pools, std::integer_sequence<int, 1, 2, 3, 4>{}, [&](auto pools) {
    choose("--channels", options.channels, std::integer_sequence<int, 4, 8, 16, 32, 64>{}, [&](auto channels) {
      if (options.padding == "circular")
        apply.template operator()<pools, channels, Padding::circular>();
      else
        apply.template operator()<pools, channels, Padding::zeros>();
    });
  });
  return x0;
}

void require_member(const std::string& option, const std::string& value, const std::vector<std::string>& list) {
  std::string names;
  for (const std::string& name : list) names += (names.empty() ? "" : ", ") + name;
  detail::require(std::find(list.begin(), list.end(), value) != list.end(), option, " ", value, ": expected one of ",
                  names);
}

void run(const Options& options) {
  require_member("--arch", options.arch, {"unet", "mlp", "mlp2d"});
  require_member("--padding", options.padding, {"zeros", "circular"});
  require_member("--backend", options.backend, {"cpu", "cuda"});
  detail::require(options.backend == "cpu", "--backend cuda: applying networks is not there yet; use --backend cpu");
  constexpr Index widest = 1'000'000;
  detail::require(options.arch == "unet" || (options.hidden >= 1 && options.hidden <= widest), "--hidden ",
                  options.hidden, ": expected 1 to ", widest, " with --arch ", options.arch);
  if (options.arch == "mlp2d") {
    const auto y = read_npy_batch<double>(options.input);
    detail::require<DimensionMismatch>(y.rows() == 2, options.input.string(), ": holds ", y.cols(), " arrays of ",
                                       y.rows(), " values; expected points, an array of shape (n, 2)");
    const Batch<double> x0 = denoise(nn::TwoDMlp<double>(options.hidden), {1, 1, 2}, options.weights, y);
    write_npy_batch(options.output, x0);
    return;
  }
  const auto y = load_npy_images<float>(options.input);
  const Batch<float> x0 = options.arch == "unet" ? denoise_by_unet(options, y)
                                                 : denoise(nn::Mlp<float>(y.shape().size(), options.hidden), y.shape(),
                                                           options.weights, y.samples());
  write_npy_images(options.output, x0, y.shape());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Applies the denoising network of a safetensors file to the samples of a .npy file", "apply_denoiser");
  Options options;
  app.add_option("--arch", options.arch, "Network: unet, mlp (images) or mlp2d (points)")->required();
  app.add_option("--pools", options.pools, "unet: poolings, 1 to 4")->capture_default_str();
  app.add_option("--channels", options.channels, "unet: channels at full resolution, 4, 8, 16, 32 or 64")
      ->capture_default_str();
  app.add_option("--padding", options.padding, "unet: zeros or circular")->capture_default_str();
  app.add_option("--hidden", options.hidden, "mlp, mlp2d: width H of the bottleneck");
  app.add_option("--weights", options.weights, "Weights, a safetensors file")->required();
  app.add_option("--input", options.input, "y, a .npy file: images (n, h, w[, c]), or points (n, 2)")->required();
  app.add_option("--output", options.output, "x0_hat, a .npy file: (n, h, w, c) in f4, or (n, 2) in f8")->required();
  app.add_option("--backend", options.backend, "Where the network runs: cpu or cuda")->capture_default_str();
  app.failure_message([](const CLI::App* /*app*/, const CLI::Error& error) {
    return detail::concat("apply_denoiser: error: ", error.what(), " (see --help)\n");
  });
  try {
    app.parse(argc, argv);
    run(options);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::bad_alloc&) {
    std::fputs("apply_denoiser: error: not enough memory for this network and this input\n", stderr);
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "apply_denoiser: error: %s\n", error.what());
    return 1;
  }
}
