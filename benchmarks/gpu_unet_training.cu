// Can 50 U-Nets of the paper be trained in less than 30 min on one H100? (ConvUNet<3, 32>, images of 64 x 64 x 3, 1000
// of them, batches of 16, 500 epochs, 50 noise levels: 50 * 500 * floor(1000 / 16) = 1.55 million steps of 1.16 ms.)
// One step is measured and multiplied by the number of steps:
//   step       noise, forward, backward, Adam, f32, as the library takes it: convolutions by cuDNN where that is found
//              when this program is configured (gpu_unet_training_tf32: in TF32), else by matrix products; the report
//              says which
//   products   the matrix products in it alone, which no step can be faster than: for every convolution, in the form
//              im2col gives it, the product of the forward pass and the two of the backward pass (the first layer needs
//              one), by cuBLAS without TF32, for the images of the batch at once
// Flops of both are those of the products: in one pass 2 * 9 in out height width a image for a 3x3 convolution, and
// 2 * 4 in out height width for a transposed 2x2 one, whose input has that height and width.

#include <vector>

#include "diffarch/cuda/cuda.hpp"
#include "diffarch/nn/training/level_training.hpp"
#include "diffarch/nn/unet.hpp"
#include "gpu_measure.hpp"

namespace {

using namespace diffarch;
using Kernels = nn::KernelsOf<Cuda>::type;

/// A product (rows, depth) times (depth, pixels): the forward pass of one layer.
struct Layer {
  Index rows;
  Index depth;
  Index pixels;
};

std::vector<Layer> unet_layers(Index size, Index images) {
  constexpr Index base = 32;
  constexpr Index pools = 3;
  std::vector<Layer> layers;
  const auto add = [&](Index rows, Index depth, Index width) {
    layers.push_back({rows, depth, images * width * width});
  };
  Index channels = 3;
  for (Index b = 0; b <= pools; ++b) {
    add(base << b, 9 * channels, size >> b);
    add(base << b, 9 * (base << b), size >> b);
    channels = base << b;
  }
  for (Index b = pools - 1; b >= 0; --b) {
    add(4 * (base << b), base << (b + 1), size >> (b + 1));  // transposed: four outputs for every pixel
    add(base << b, 9 * 2 * (base << b), size >> b);
    add(b == 0 ? 3 : base << b, 9 * (base << b), size >> b);
  }
  return layers;
}

void multiply_step(const std::vector<Layer>& layers, const float* weights, const float* values, float* gradients,
                   float* result) {
  for (const Layer& layer : layers)
    cuda::gemm(false, false, layer.rows, layer.pixels, layer.depth, 1.0F, weights, layer.rows, values, layer.depth,
               0.0F, result, layer.rows);
  for (std::size_t i = layers.size(); i-- > 0;) {
    const Layer& layer = layers[i];
    cuda::gemm(false, true, layer.rows, layer.depth, layer.pixels, 1.0F, result, layer.rows, values, layer.depth, 0.0F,
               gradients, layer.rows);
    if (i > 0)
      cuda::gemm(true, false, layer.depth, layer.pixels, layer.rows, 1.0F, weights, layer.rows, result, layer.rows,
                 0.0F, gradients, layer.depth);
  }
}

/// Seconds of one step of the library's training.
double seconds_of_step() {
  using Body = nn::UNet<3, float, nn::StandardNormalisation, Kernels>;
  constexpr Index batch_size = 16;
  const ImageShape shape{64, 64, 3};
  const auto data = Cuda::normal<float>(shape.size(), 62 * batch_size, Seed{1}, streams::initial_noise, 0);
  nn::Network<Body> network(Body(nn::UNetOptions{.channels = 32}), shape);
  network.initialise(Seed{2});
  nn::LevelTraining<Body> training(network, data, NoiseLevel::from_sigma(0.5),
                                   {.epochs = 1000, .batch_size = batch_size});
  return gpu::seconds_of([&] { static_cast<void>(training.step()); }, 50);
}

}  // namespace

int main() {
  return gpu::run("gpu_unet_training", [](const gpu::Device& device) {
    constexpr double steps = 50.0 * 500.0 * (1000 / 16);
    constexpr double target_seconds = 1800.0;
    const std::vector<Layer> layers = unet_layers(64, 16);
    Index largest_weights = 0;
    Index largest_values = 0;
    Index largest_result = 0;
    double flops = 0.0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const Layer& layer = layers[i];
      largest_weights = std::max(largest_weights, layer.rows * layer.depth);
      largest_values = std::max(largest_values, layer.depth * layer.pixels);
      largest_result = std::max(largest_result, layer.rows * layer.pixels);
      flops +=
          (i > 0 ? 3.0 : 2.0) * 2.0 * static_cast<double>(layer.rows * layer.depth) * static_cast<double>(layer.pixels);
    }
    const auto weights = Cuda::normal<float>(largest_weights, 1, Seed{1}, Stream{1}, 0);
    const auto values = Cuda::normal<float>(largest_values, 1, Seed{2}, Stream{1}, 0);
    cuda::DeviceArray<float> gradients(std::max(largest_values, largest_weights), 1);
    cuda::DeviceArray<float> result(largest_result, 1);
    const double seconds = gpu::seconds_of(
        [&] { multiply_step(layers, weights.data(), values.data(), gradients.data(), result.data()); }, 50);
    const gpu::Flops step_flops{.single_precision = flops};
    const gpu::Flops all_flops{.single_precision = flops * steps};
    device.report("products of a training step of the U-Net", seconds, step_flops);
    const double step_seconds = seconds_of_step();
    device.report(detail::concat("training step of the U-Net, ", Kernels::name()), step_seconds, step_flops,
                  target_seconds / steps);
    device.report("50 U-Nets, by one step", step_seconds * steps, all_flops, target_seconds);
  });
}
