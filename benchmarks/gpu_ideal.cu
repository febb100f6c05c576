// How long does Ideal, the posterior mean over the training images, take for a batch of 256 noisy images of 12288
// values on a GPU, with 1000 and with 50000 training images, f32? 4 d n B flops: the distances and the weighted mean.

#include "benchmark_data.hpp"
#include "diffarch/cuda/cuda.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "gpu_measure.hpp"

int main() {
  using namespace diffarch;
  return gpu::run("gpu_ideal", [](const gpu::Device& device) {
    constexpr Index batch = 256;
    const CosineSchedule schedule{.steps = 10};
    const auto measure = [&](const Batch<float>& x) {
      const auto model = fit(Ideal{}, x, schedule, Cuda{});
      const auto y = Cuda::normal<float>(x.rows(), batch, Seed{1}, streams::initial_noise, 0);
      const NoiseLevel level = schedule.levels()[5];
      const gpu::Flops flops{.single_precision = 4.0 * static_cast<double>(x.size()) * static_cast<double>(batch)};
      device.report(detail::concat("Ideal, 256 images, n = ", x.cols()),
                    gpu::seconds_of([&] { static_cast<void>(model.denoise(y, level)); }), flops);
    };
    measure(benchmark_data());
    measure(normal_batch<float>(12288, 50'000, Seed{3}));
  });
}
