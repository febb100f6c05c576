// How long does the closed-form fit take, beside the two products of its size that it cannot do without?
//   fit             principal_components of 1000 images of 12288 values, f32: what fit(Linear{}, ...) does
//   own_products    the two products in it alone: the Gram matrix in double, and X V in f32
//   plain_products  the same two shapes as plain Eigen f32 products, X^T X and X V

#include <benchmark/benchmark.h>

#include "benchmark_data.hpp"
#include "diffarch/denoiser/linear.hpp"

namespace {

using namespace diffarch;

const Batch<float>& data() {
  static const Batch<float> batch = benchmark_data();
  return batch;
}

void fit(benchmark::State& state) {
  const Batch<float>& x = data();
  for (auto _ : state) benchmark::DoNotOptimize(principal_components<Cpu>(x).basis.data());
}

void own_products(benchmark::State& state) {
  const Batch<float>& x = data();
  const Vector<double> mean = x.cast<double>().rowwise().mean();
  const Matrix<float> v = Matrix<float>::Random(x.cols(), x.cols() - 1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(LinearAlgebra<Cpu>::centred_gram(x, mean).data());
    benchmark::DoNotOptimize(LinearAlgebra<Cpu>::centred_multiply(x, mean, v).data());
  }
}

void plain_products(benchmark::State& state) {
  const Batch<float>& x = data();
  const Matrix<float> v = Matrix<float>::Random(x.cols(), x.cols() - 1);
  for (auto _ : state) {
    Matrix<float> gram = x.transpose() * x;
    benchmark::DoNotOptimize(gram.data());
    Matrix<float> basis = x * v;
    benchmark::DoNotOptimize(basis.data());
  }
}

BENCHMARK(fit)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(own_products)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(plain_products)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
