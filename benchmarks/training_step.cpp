// Milliseconds of one training step (noise, forward, backward, Adam; median of many), f32, and the most memory the
// process had, as one JSON object: training.py compares them with PyTorch in the same run.
//   training_step CASE [STEPS]      CASE: unet64, unet32, mlp, mlp2d
// Built as training_step and, where oneDNN is installed, as training_step_onednn and training_step_bf16.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "diffarch/core/memory.hpp"
#include "diffarch/nn/level_training.hpp"
#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/unet.hpp"
#include "process_memory.hpp"

namespace {

using namespace diffarch;

template <class Body>
void measure(const char* name, Body body, ImageShape shape, Index batch_size, Index steps) {
  using Scalar = typename Body::Scalar;
  const Batch<Scalar> data = normal_batch<Scalar>(shape.size(), 4 * batch_size, Seed{1});
  nn::Network<Body> network(std::move(body), shape);
  network.initialise(Seed{2});
  nn::LevelTraining<Body> training(network, data, NoiseLevel::from_sigma(0.5),
                                   {.epochs = steps + 10, .batch_size = batch_size});
  std::vector<double> milliseconds;
  double loss = 0.0;
  for (Index step = -3; step < steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    loss = training.step();
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    if (step >= 0) milliseconds.push_back(time.count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  std::printf(
      "{\"case\": \"%s\", \"kernels\": \"%s\", \"step_ms\": %.5f, \"last_loss\": %.6f, \"peak_mb\": %.1f, "
      "\"threads\": %d}\n",
      name, nn::DefaultKernels::name().c_str(), milliseconds[milliseconds.size() / 2], loss,
      status_kilobytes("VmHWM") / 1024.0, thread_count());
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  const std::string name = argc > 1 ? argv[1] : "";
  const Index steps = argc > 2 ? std::max(1L, std::strtol(argv[2], nullptr, 10)) : 20;
  if (name == "unet64")
    measure("unet64", nn::UNet<3, 32>(3), {64, 64, 3}, 16, steps);
  else if (name == "unet32")
    measure("unet32", nn::UNet<3, 32>(3), {32, 32, 3}, 16, steps);
  else if (name == "mlp")
    measure("mlp", nn::Mlp<float>(64 * 64 * 3, 1000), {64, 64, 3}, 128, steps);
  else if (name == "mlp2d")
    measure("mlp2d", nn::TwoDMlp<float>(1), {1, 1, 2}, 256, steps);
  else {
    std::fprintf(stderr, "training_step: case '%s'; expected unet64, unet32, mlp or mlp2d\n", name.c_str());
    return 1;
  }
}
