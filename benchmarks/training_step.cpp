// Training steps (noise, forward, backward, Adam) of the networks, f32, for peers/:
//   training_step unet SIZE BATCH STEPS      milliseconds of a step (median) on images of SIZE x SIZE x 3 and the most
//   training_step mlp SIZE BATCH STEPS       memory the process had, as one JSON object. unet: base 32, 3 pools; mlp:
//   training_step mlp2d 1 BATCH STEPS        h = 1000; mlp2d: h = 1 in the plane
//   training_step NETWORK SIZE BATCH FOLDER  for a peer to follow: writes weights.safetensors, clean.npy, the noisy
//                                            batches of three steps, noisy_0.npy ..., and their losses, losses.npy
// Built as training_step and, where oneDNN is installed, as training_step_onednn and training_step_bf16.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "diffarch/core/memory.hpp"
#include "diffarch/io/npy.hpp"
#include "diffarch/nn/files/weights_file.hpp"
#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/training/level_training.hpp"
#include "diffarch/nn/unet.hpp"
#include "process_memory.hpp"

namespace {

using namespace diffarch;

constexpr double sigma = 0.5;

struct Arguments {
  std::string network;
  Index size;
  Index batch;
  std::string steps_or_folder;
  double kilobytes_before;  ///< memory of the process at its start
};

template <class Body>
void measure(const Arguments& arguments, nn::Network<Body>& network, Index steps) {
  const Index batch_size = arguments.batch;
  const auto data = normal_batch<typename Body::Scalar>(network.input_shape().size(), 4 * batch_size, Seed{1});
  nn::LevelTraining<Body> training(network, data, NoiseLevel::from_sigma(sigma),
                                   {.epochs = steps + 10, .batch_size = batch_size});
  std::vector<double> milliseconds;
  for (Index step = -3; step < steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    training.step();
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    if (step >= 0) milliseconds.push_back(time.count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  std::printf(
      "{\"network\": \"%s\", \"size\": %ld, \"batch\": %ld, \"kernels\": \"%s\", \"step_ms\": %.5f, \"peak_mb\": %.1f, "
      "\"before_mb\": %.1f, \"threads\": %d}\n",
      arguments.network.c_str(), static_cast<long>(arguments.size), static_cast<long>(batch_size),
      nn::DefaultKernels::name().c_str(), milliseconds[milliseconds.size() / 2], status_kilobytes("VmHWM") / 1024.0,
      arguments.kilobytes_before / 1024.0, thread_count());
}

/// Each epoch is one batch of all samples, whose order then does not matter.
template <class Body>
void write_steps(nn::Network<Body>& network, Index batch_size, const std::filesystem::path& folder) {
  using Scalar = typename Body::Scalar;
  constexpr Index steps = 3;
  const Index d = network.input_shape().size();
  const auto clean = normal_batch<Scalar>(d, batch_size, Seed{1});
  const TrainingOptions options{.epochs = steps, .batch_size = batch_size};
  nn::LevelTraining<Body> training(network, clean, NoiseLevel::from_sigma(sigma), options);
  const NoiseLevel level = training.level();
  nn::save_weights(folder / "weights.safetensors", network);
  write_npy_batch(folder / "clean.npy", clean);
  Batch<double> losses(1, steps);
  for (Index step = 0; step < steps; ++step) {
    const auto noise =
        normal_batch<Scalar>(d, batch_size, options.seed, streams::fit_noise(level.sigma()), step * batch_size);
    write_npy_batch(
        folder / ("noisy_" + std::to_string(step) + ".npy"),
        Batch<Scalar>(static_cast<Scalar>(level.signal) * clean + static_cast<Scalar>(level.noise) * noise));
    losses(0, step) = training.step();
  }
  write_npy_batch(folder / "losses.npy", losses);
}

template <class Body>
void run(const Arguments& arguments, Body body, ImageShape shape) {
  nn::Network<Body> network(std::move(body), shape);
  network.initialise(Seed{2});
  const Index steps = std::strtol(arguments.steps_or_folder.c_str(), nullptr, 10);
  if (steps > 0)
    measure(arguments, network, steps);
  else
    write_steps(network, arguments.batch, arguments.steps_or_folder);
}

}  // namespace

int main(int argc, char** argv) try {
  keep_freed_memory();
  if (argc != 5) {
    std::fprintf(stderr, "training_step: expected NETWORK SIZE BATCH, and STEPS or FOLDER\n");
    return 1;
  }
  const Arguments arguments{argv[1], std::strtol(argv[2], nullptr, 10), std::strtol(argv[3], nullptr, 10), argv[4],
                            status_kilobytes("VmRSS")};
  const ImageShape images{arguments.size, arguments.size, 3};
  if (arguments.network == "unet") {
    run(arguments, nn::UNet<3>({.channels = 32}), images);
  } else if (arguments.network == "mlp") {
    run(arguments, nn::Mlp<float>(images.size(), 1000), images);
  } else if (arguments.network == "mlp2d") {
    run(arguments, nn::TwoDMlp<float>(1), {1, 1, 2});
  } else {
    std::fprintf(stderr, "training_step: network '%s'; expected unet, mlp or mlp2d\n", argv[1]);
    return 1;
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "training_step: error: %s\n", error.what());
  return 1;
}
