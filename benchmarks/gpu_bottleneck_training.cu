// What does it gain to train the noise levels of a small network together? A training step (noise, forward, backward,
// Adam) of all 50 levels, one level after the other, ten at a time and all at once:
//   Bottleneck<1, plane>   2 -> 64 -> 1 -> 64 -> 2, batches of 256, f64
//   Bottleneck<100>        images of 64 x 64 x 3, nine layers of width 100 and one back, batches of 128, f32
// One level after the other is the step of one, measured 50 times over; a stack of ten counts five times. Flops are
// those of the matrix products, 2 in out for a sample in each of three passes, the first layer having two.

#include <string>
#include <vector>

#include "diffarch/cuda/cuda.hpp"
#include "diffarch/nn/mlp.hpp"
#include "diffarch/nn/training/level_training.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "gpu_measure.hpp"

namespace {

using namespace diffarch;

constexpr Index level_count = 50;

/// Seconds of one step of the first `together` levels at once.
template <class Body>
double seconds_of_step(Body body, const ImageShape& shape, Index batch_size, Index together) {
  using Scalar = typename Body::Scalar;
  const auto data = Cuda::normal<Scalar>(shape.size(), 8 * batch_size, Seed{1}, streams::initial_noise, 0);
  const NoiseLevels levels = CosineSchedule{.steps = level_count}.levels();
  nn::Network<Body> network(std::move(body), shape);
  network.initialise(Seed{2});
  nn::LevelTraining<Body> training(network, data, std::vector<NoiseLevel>(levels.begin(), levels.begin() + together),
                                   {.epochs = 1000, .batch_size = batch_size});
  return gpu::seconds_of([&] { static_cast<void>(training.step()); }, 100);
}

/// Reports one step of all levels, in stacks of several sizes made by `make_body(networks)`.
template <class MakeBody>
void measure(const gpu::Device& device, const std::string& name, const ImageShape& shape, Index batch_size,
             const gpu::Flops& flops_of_level, const MakeBody& make_body) {
  constexpr auto levels = static_cast<double>(level_count);
  const gpu::Flops flops{levels * flops_of_level.single_precision, levels * flops_of_level.double_precision};
  for (const Index together : {Index{1}, Index{10}, level_count}) {
    const double seconds =
        seconds_of_step(make_body(together), shape, batch_size, together) * levels / static_cast<double>(together);
    device.report(detail::concat("training step of 50 levels of ", name, ", ", together, " at once"), seconds, flops);
  }
}

}  // namespace

int main() {
  return gpu::run("gpu_bottleneck_training", [](const gpu::Device& device) {
    constexpr double plane_products = 3.0 * (2 * 64 + 64 * 1 + 1 * 64 + 64 * 2) - 2 * 64;
    measure(device, "Bottleneck<1, plane>", {1, 1, 2}, 256, {.double_precision = 2.0 * 256.0 * plane_products},
            [](Index networks) { return nn::TwoDMlp<double, CudaKernels>(1, 2, 64, networks); });
    constexpr double d = 64 * 64 * 3;
    constexpr double image_products = 3.0 * (d * 100 + 8 * 100 * 100 + 100 * d) - d * 100;
    measure(device, "Bottleneck<100>", {64, 64, 3}, 128, {.single_precision = 2.0 * 128.0 * image_products},
            [](Index networks) { return nn::Mlp<float, CudaKernels>(64 * 64 * 3, 100, networks); });
  });
}
