// How long do 4096 samples of 12288 values of a linear denoiser take on a GPU, at any number of DDIM steps? Target:
// less than 15 ms on one H100.
//   on the device        noise and samples, f32, 999 modes: 4 d K n flops (U^T y and U times the coefficients)
//   to the host          DiffusionSampler::sample, with the download of the 200 MB

#include "benchmark_data.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "gpu_measure.hpp"

int main() {
  using namespace diffarch;
  return gpu::run("gpu_linear_sampling", [](const gpu::Device& device) {
    constexpr Index samples = 4096;
    DiffusionSampler<Linear, CosineSchedule, Cuda> sampler{Linear{}, CosineSchedule{.steps = 10}};
    sampler.set_batch_size(samples).fit(benchmark_data());
    const auto& model = sampler.model();
    const NoiseLevels levels = sampler.levels();
    const Index d = model.dimension();
    const gpu::Flops flops{.single_precision = 4.0 * static_cast<double>(d) * static_cast<double>(model.rank()) *
                                               static_cast<double>(samples)};
    const auto on_device = [&] {
      const Vector<double> gains = trajectory_gains(Ddim{}, model.eigenvalues(), levels);
      static_cast<void>(detail::take_collapsed_steps(
          model, levels, gains, Cuda::normal<float>(d, samples, Seed{1}, streams::initial_noise, 0)));
    };
    device.report("4096 linear samples on the device", gpu::seconds_of(on_device), flops, 0.015);
    device.report("4096 linear samples to the host",
                  gpu::seconds_of([&] { static_cast<void>(sampler.sample(samples, Seed{1})); }, 5), flops);
  });
}
