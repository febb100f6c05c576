// The products that cases of peers/ cannot do without, as plain Eigen products of the same shapes on all threads. The
// data are those of benchmark_data(), the neighbours NEIGHBOURS vectors of 784 values (60,000 when it is not set).
//   linear_fit         X^T X and X V in f32, V all eigenvectors; linear_fit_own: the Gram matrix in double, as the fit
//                      has it
//   rank_fit           X^T X and X V for 100 eigenvectors
//   linear_sampling    256 samples: U^T Y and U C for all modes; rank_sampling: for 100
//   ideal              X^T Y and X W of 256 samples, three times
//   nearest_neighbours X^T Q of 1000 queries
//   mlp                a training step of the bottleneck network: the products of its layers, and once over the numbers
//                      that Adam reads and writes
//   product_f32, product_f64
//                      flops per second of a product (1024, 4096) x (4096, 1000), (1024, 1024) x (1024, 1000)

#include <benchmark/benchmark.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "benchmark_data.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/denoiser/linear.hpp"

namespace {

using namespace diffarch;

constexpr Index queries = 256;
constexpr Index few_modes = 100;

const Batch<float>& data() {
  static const Batch<float> batch = benchmark_data();
  return batch;
}

void gram_and_basis(benchmark::State& state, Index modes) {
  const Batch<float>& x = data();
  const Matrix<float> v = Matrix<float>::Random(x.cols(), modes);
  for (auto _ : state) {
    Matrix<float> gram = x.transpose() * x;
    benchmark::DoNotOptimize(gram.data());
    Matrix<float> basis = x * v;
    benchmark::DoNotOptimize(basis.data());
  }
}

void linear_fit(benchmark::State& state) { gram_and_basis(state, data().cols() - 1); }
void rank_fit(benchmark::State& state) { gram_and_basis(state, few_modes); }

void linear_fit_own(benchmark::State& state) {
  const Batch<float>& x = data();
  const Vector<double> mean = x.cast<double>().rowwise().mean();
  const Matrix<float> v = Matrix<float>::Random(x.cols(), x.cols() - 1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(LinearAlgebra<Cpu>::centred_gram(x, mean).data());
    benchmark::DoNotOptimize(LinearAlgebra<Cpu>::centred_multiply(x, mean, v).data());
  }
}

/// U^T Y and U (U^T Y) with U (d, modes), `times` times.
void there_and_back(benchmark::State& state, Index modes, int times) {
  const Matrix<float> u = data().leftCols(modes);
  const Batch<float> y = Batch<float>::Random(u.rows(), queries);
  Matrix<float> coordinates(modes, queries);
  Batch<float> sums(u.rows(), queries);
  for (auto _ : state)
    for (int i = 0; i < times; ++i) {
      coordinates.noalias() = u.transpose() * y;
      sums.noalias() = u * coordinates;
      benchmark::DoNotOptimize(sums.data());
    }
}

void linear_sampling(benchmark::State& state) { there_and_back(state, data().cols() - 1, 1); }
void rank_sampling(benchmark::State& state) { there_and_back(state, few_modes, 1); }
void ideal(benchmark::State& state) { there_and_back(state, data().cols(), 3); }

void nearest_neighbours(benchmark::State& state) {
  const char* count = std::getenv("NEIGHBOURS");
  const Batch<float> training = Batch<float>::Random(784, count != nullptr ? std::atol(count) : 60000);
  const Batch<float> q = Batch<float>::Random(784, 1000);
  constexpr Index block = 4096;
  Matrix<float> products(block, q.cols());
  for (auto _ : state)
    for (Index first = 0; first < training.cols(); first += block) {
      const Index size = std::min(block, training.cols() - first);
      products.topRows(size).noalias() = training.middleCols(first, size).transpose() * q;
      benchmark::DoNotOptimize(products.data());
    }
}

void mlp(benchmark::State& state) {
  constexpr Index batch = 128;
  constexpr Index hidden = 1000;
  const Index d = data().rows();
  std::vector<std::pair<Index, Index>> layers(10, {hidden, hidden});
  layers.front().first = layers.back().second = d;
  Index parameters = 0;
  for (const auto& [in, out] : layers) parameters += in * out;
  Vector<float> weights = Vector<float>::Constant(parameters, 0.01F);
  Vector<float> gradients = weights;
  Vector<float> first_moment = weights;
  Vector<float> second_moment = weights;
  Matrix<float> x = Matrix<float>::Ones(d, batch);
  Matrix<float> y = Matrix<float>::Ones(d, batch);
  for (auto _ : state) {
    Index at = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto [in, out] = layers[i];
      const Eigen::Map<const Matrix<float>> w(weights.data() + at, out, in);
      Eigen::Map<Matrix<float>> dw(gradients.data() + at, out, in);
      y.topRows(out).noalias() = w * x.topRows(in);
      dw.noalias() = y.topRows(out) * x.topRows(in).transpose();
      if (i > 0) x.topRows(in).noalias() = w.transpose() * y.topRows(out);
      at += in * out;
      x.setOnes();  // values that stay finite
    }
    constexpr Index piece = 1 << 16;
    parallel_for((parameters + piece - 1) / piece, piece, [&](Index number) {
      const Index first = number * piece;
      const Index size = std::min(piece, parameters - first);
      const auto part = [&](Vector<float>& values) { return values.segment(first, size).array(); };
      part(first_moment) = 0.9F * part(first_moment) + 0.1F * part(gradients);
      part(second_moment) = 0.999F * part(second_moment) + 0.001F * part(gradients).square();
      part(weights) -= 1e-9F * part(first_moment) / (part(second_moment).sqrt() + 1e-8F);
    });
    benchmark::DoNotOptimize(weights.data());
  }
}

/// (m, k) x (k, n).
template <class Scalar, Index m, Index k, Index n>
void product(benchmark::State& state) {
  const Matrix<Scalar> a = Matrix<Scalar>::Random(m, k);
  const Matrix<Scalar> b = Matrix<Scalar>::Random(k, n);
  Matrix<Scalar> c(m, n);
  for (auto _ : state) {
    c.noalias() = a * b;
    benchmark::DoNotOptimize(c.data());
  }
  state.SetItemsProcessed(state.iterations() * 2 * m * k * n);
}

void product_f32(benchmark::State& state) { product<float, 1024, 4096, 1000>(state); }
void product_f64(benchmark::State& state) { product<double, 1024, 1024, 1000>(state); }

// The whole of both threads is what counts: real time.
BENCHMARK(linear_fit)->UseRealTime();
BENCHMARK(linear_fit_own)->UseRealTime();
BENCHMARK(rank_fit)->UseRealTime();
BENCHMARK(linear_sampling)->UseRealTime();
BENCHMARK(rank_sampling)->UseRealTime();
BENCHMARK(ideal)->UseRealTime();
BENCHMARK(nearest_neighbours)->UseRealTime();
BENCHMARK(mlp)->UseRealTime();
BENCHMARK(product_f32)->UseRealTime();
BENCHMARK(product_f64)->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  diffarch::keep_freed_memory();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
