// What does the softmax of Ideal cost beyond its products? 256 noisy samples against 1000 images of 12288 values, f32:
// `denoise` at a high, a middle and a low noise level, and bare Eigen products of the same shapes on all threads.

#include <benchmark/benchmark.h>

#include "benchmark_data.hpp"
#include "diffarch/denoiser/ideal.hpp"

namespace {

using namespace diffarch;

constexpr Index queries = 256;

const IdealDenoiser<float>& model() {
  static const IdealDenoiser<float> ideal(benchmark_data());
  return ideal;
}

Batch<float> noisy_samples(double sigma) {
  const Batch<float>& data = model().data();
  return data.leftCols(queries) + static_cast<float>(sigma) * normal_batch<float>(data.rows(), queries, Seed{3});
}

void two_products(benchmark::State& state) {
  const Batch<float>& data = model().data();
  const Batch<float> y = noisy_samples(1.0);
  Matrix<float> products(data.cols(), queries);
  Batch<float> sums(data.rows(), queries);
  for (auto _ : state) {
    products.noalias() = data.transpose() * y;
    sums.noalias() = data * products;
    benchmark::DoNotOptimize(sums.data());
  }
}

void ideal(benchmark::State& state) {
  const double sigma = 0.01 * static_cast<double>(state.range(0));
  const Batch<float> y = noisy_samples(sigma);
  for (auto _ : state) benchmark::DoNotOptimize(model().denoise(y, NoiseLevel::from_sigma(sigma)).data());
}

BENCHMARK(two_products)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(ideal)->ArgName("100 sigma")->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
