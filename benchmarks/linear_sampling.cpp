// Does the number of steps cost anything? 4096 samples of the linear denoiser of 1000 images of 12288 values, f32, with
// the collapsed sampler (10 and 1000 steps), and 64 samples with every step taken (10 and 100 steps).

#include <benchmark/benchmark.h>

#include "benchmark_data.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace {

using namespace diffarch;
using Sampler = DiffusionSampler<Linear, CosineSchedule>;

Sampler sampler(Index steps) {
  static const Sampler::Model model = fit(Linear{}, benchmark_data(), CosineSchedule{});
  Sampler result{Linear{}, CosineSchedule{.steps = steps}};
  result.set_model(model);
  return result;
}

void collapsed(benchmark::State& state) {
  const Sampler linear = sampler(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(linear.sample(4096, Seed{7}).data());
}

void stepwise(benchmark::State& state) {
  const Sampler linear = sampler(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(linear.sample(64, Seed{7}, [](const Sampler::Step&) {}).data());
}

BENCHMARK(collapsed)->Arg(10)->Arg(1000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(stepwise)->Arg(10)->Arg(100)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
