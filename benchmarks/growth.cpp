// How does the cost grow? Seconds of the closed forms, of Ideal, of the nearest neighbours and of one level of the
// exact polynomial fit (degree 3, 256 features), f32, along one axis while all else stays:
//   growth n|d|window|steps|batch|threads|local LARGEST [options of Google Benchmark]
//     n         training samples, of 784 values
//     d         values of a sample, 1000 training samples
//     window    of EquivariantLocalScore, one image of 32 x 32 x 3, 100 training images
//     steps     of the sampler: 4096 linear samples of 12288 values collapsed; 16 of 3072 with every step taken, by
//               Linear, Ideal, and the polynomial on random features with its fit of each level
//     batch     samples drawn at once, of 3072 values
//     local     training images of 32 x 32 x 3 of EquivariantLocalScore, one image, windows of 7
//     threads   one size of everything, 1000 training samples of 12288 values, on the threads that OMP_NUM_THREADS says
// The names of the results are AXIS/CURVE/VALUE.

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "diffarch/analysis/nearest_neighbours.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace {

using namespace diffarch;

constexpr Index few_samples = 64;

/// Samples with a spectrum that falls like that of images. Kept until another size is asked for.
const Batch<float>& samples(Index d, Index n) {
  static Batch<float> kept;
  if (kept.rows() == d && kept.cols() == n) return kept;
  const Index modes = std::min<Index>({d, n, 256});
  Batch<float> coordinates = normal_batch<float>(modes, n, Seed{2});
  for (Index k = 0; k < modes; ++k) coordinates.row(k) /= static_cast<float>(k + 1);
  kept = normal_batch<float>(d, modes, Seed{1}) * coordinates + 0.01F * normal_batch<float>(d, n, Seed{3});
  return kept;
}

template <class Work>
void run(benchmark::State& state, const Work& work) {
  for (auto _ : state) benchmark::DoNotOptimize(work());
}

void linear_fit(benchmark::State& state, Index d, Index n) {
  const Batch<float>& x = samples(d, n);
  run(state, [&] { return principal_components<Cpu>(x).eigenvalues.sum(); });
}

void ideal(benchmark::State& state, Index d, Index n, Index batch) {
  const IdealDenoiser<float> model(samples(d, n));
  const Batch<float> y = normal_batch<float>(d, batch, Seed{4});
  run(state, [&] { return model.denoise(y, NoiseLevel::from_sigma(1.0)).sum(); });
}

/// One level and image.
void local_score(benchmark::State& state, const ImageShape& shape, Index n, Index window) {
  const NoiseLevels levels({NoiseLevel::from_sigma(1.0), NoiseLevel::from_sigma(0.0)});
  const PatchPosteriorDenoiser<float> model(shape, {Padding::circular, 1}, {{window}}, samples(shape.size(), n),
                                            levels);
  const Batch<float> y = samples(shape.size(), n).col(0) + normal_batch<float>(shape.size(), 1, Seed{4});
  run(state, [&] { return model.denoise(y, levels[0]).sum(); });
}

void neighbours(benchmark::State& state, Index d, Index n) {
  const Batch<float>& x = samples(d, n);
  const Batch<float> queries = x.leftCols(few_samples) + 0.1F * normal_batch<float>(d, few_samples, Seed{4});
  run(state, [&] { return nearest_neighbours(x, queries, 2).distances.sum(); });
}

using Exact = RandomFeatureDenoiser<ExactAverage, float>;

void polynomial_level(benchmark::State& state, Index d, Index n) {
  const Batch<float>& x = samples(d, n);
  run(state, [&] { return Exact(3, {.width = 256}, x).fit_at(NoiseLevel::from_sigma(1.0)).feature_mean.sum(); });
}

template <class Architecture>
using Sampler = DiffusionSampler<Architecture, CosineSchedule>;

/// Whether a sampler may take all its steps at once.
enum class Steps { collapsed, each };

void linear_samples(benchmark::State& state, Index d, Index batch, Index steps, Steps how) {
  static std::map<Index, Sampler<Linear>::Model> models;  // of 1000 training samples, by d
  if (!models.contains(d)) models.emplace(d, fit(Linear{}, samples(d, 1000), CosineSchedule{}));
  Sampler<Linear> sampler{Linear{}, CosineSchedule{.steps = steps}};
  sampler.set_model(models.at(d));
  if (how == Steps::collapsed)
    run(state, [&] { return sampler.sample(batch, Seed{7}).sum(); });
  else
    run(state, [&] { return sampler.sample(batch, Seed{7}, [](const Sampler<Linear>::Step&) {}).sum(); });
}

void ideal_samples(benchmark::State& state, Index d, Index batch, Index steps) {
  Sampler<Ideal> sampler{Ideal{}, CosineSchedule{.steps = steps}};
  sampler.fit(samples(d, 1000));
  run(state, [&] { return sampler.sample(batch, Seed{7}).sum(); });
}

void polynomial_samples(benchmark::State& state, Index d, Index batch, Index steps) {
  using Architecture = Polynomial<3, RandomFeatures<ExactAverage>>;
  const Batch<float>& x = samples(d, 1000);
  run(state, [&] {
    Sampler<Architecture> sampler{Architecture{{.width = 256, .keep_levels = false}}, CosineSchedule{.steps = steps}};
    sampler.fit(x);
    EscapeLog log(1e3);
    return sampler.sample(batch, Seed{7}, log).sum();
  });
}

template <class Body>
void add(const std::string& axis, const char* curve, Index value, const Body& body) {
  benchmark::RegisterBenchmark((axis + "/" + curve + "/" + std::to_string(value)).c_str(), body)
      ->UseRealTime()
      ->Unit(benchmark::kSecond);
}

bool add_axis(const std::string& axis, Index largest) {
  const auto over = [&](const std::vector<Index>& values, const auto& use) {
    for (const Index value : values)
      if (value <= largest) use(value);
  };
  if (axis == "n") {
    over({100, 300, 1000, 3000, 10000, 30000, 60000}, [&](Index n) {
      constexpr Index d = 784;
      add(axis, "linear fit", n, [=](auto& state) { linear_fit(state, d, n); });
      add(axis, "ideal", n, [=](auto& state) { ideal(state, d, n, few_samples); });
      add(axis, "nearest neighbours", n, [=](auto& state) { neighbours(state, d, n); });
      add(axis, "exact polynomial level", n, [=](auto& state) { polynomial_level(state, d, n); });
      constexpr ImageShape shape{.height = 28, .width = 28, .channels = 1};
      if (n <= 10000) add(axis, "local score", n, [=](auto& state) { local_score(state, shape, n, 7); });
    });
  } else if (axis == "d") {
    over({2, 12, 48, 192, 768, 3072, 12288, 49152}, [&](Index d) {
      constexpr Index n = 1000;
      add(axis, "linear fit", d, [=](auto& state) { linear_fit(state, d, n); });
      add(axis, "linear sampling", d,
          [=](auto& state) { linear_samples(state, d, few_samples, 10, Steps::collapsed); });
      add(axis, "ideal", d, [=](auto& state) { ideal(state, d, n, few_samples); });
      add(axis, "exact polynomial level", d, [=](auto& state) { polynomial_level(state, d, n); });
    });
    over({192, 768, 3072}, [&](Index d) {
      const auto side = static_cast<Index>(std::lround(std::sqrt(static_cast<double>(d) / 3.0)));
      const ImageShape shape{.height = side, .width = side, .channels = 3};
      add(axis, "local score", d, [=](auto& state) { local_score(state, shape, 1000, 7); });
    });
  } else if (axis == "window" || axis == "local") {
    constexpr ImageShape shape{.height = 32, .width = 32, .channels = 3};
    const bool is_window = axis == "window";
    over(is_window ? std::vector<Index>{1, 3, 5, 7, 11, 15, 23, 31} : std::vector<Index>{1000, 5000, 50000},
         [&](Index value) {
           add(axis, "local score", value,
               [=](auto& state) { local_score(state, shape, is_window ? 100 : value, is_window ? value : 7); });
         });
  } else if (axis == "steps") {
    over({10, 100, 1000}, [&](Index steps) {
      add(axis, "linear collapsed", steps,
          [=](auto& state) { linear_samples(state, 12288, 4096, steps, Steps::collapsed); });
    });
    over({10, 30, 100}, [&](Index steps) {
      constexpr Index d = 3072;
      add(axis, "linear, each step", steps, [=](auto& state) { linear_samples(state, d, 16, steps, Steps::each); });
      add(axis, "ideal", steps, [=](auto& state) { ideal_samples(state, d, 16, steps); });
      add(axis, "exact polynomial", steps, [=](auto& state) { polynomial_samples(state, d, 16, steps); });
    });
  } else if (axis == "batch") {
    over({1, 4, 16, 64, 256, 1024, 4096}, [&](Index batch) {
      constexpr Index d = 3072;
      add(axis, "linear sampling", batch, [=](auto& state) { linear_samples(state, d, batch, 10, Steps::collapsed); });
      add(axis, "ideal", batch, [=](auto& state) { ideal(state, d, 1000, batch); });
    });
  } else if (axis == "threads") {
    constexpr Index d = 12288;
    const Index threads = thread_count();
    add(axis, "linear fit", threads, [=](auto& state) { linear_fit(state, d, 1000); });
    add(axis, "linear sampling", threads, [=](auto& state) { linear_samples(state, d, 256, 10, Steps::collapsed); });
    add(axis, "ideal", threads, [=](auto& state) { ideal(state, d, 1000, 256); });
    add(axis, "nearest neighbours", threads, [=](auto& state) { neighbours(state, 784, 30000); });
    add(axis, "exact polynomial level", threads, [=](auto& state) { polynomial_level(state, d, 1000); });
  } else {
    return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  diffarch::keep_freed_memory();
  benchmark::Initialize(&argc, argv);
  if (argc != 3 || !add_axis(argv[1], std::atol(argv[2]))) {
    std::fprintf(stderr, "growth: expected n|d|window|steps|batch|threads|local and the largest value\n");
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
}
