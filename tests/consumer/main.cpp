// A user's program: fits the linear denoiser to random data, samples, and checks the samples' variance.

#include <cmath>
#include <cstdio>
#include <diffarch/diffarch.hpp>
#include <random>

using namespace diffarch;

int main() {
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal;
  const Batch<float> data = Batch<float>::NullaryExpr(4, 500, [&] { return 1.0F + normal(engine); });

  auto sampler = DiffusionSampler<Linear, CosineSchedule>{Linear{}, CosineSchedule{.steps = 50}};
  const Batch<float> samples = sampler.fit(data).sample(1000, Seed{7});

  // 50 steps keep 95 percent of unit variances; 4000 samples know a variance to 2 percent, 500 data points to 6.
  const double mean = samples.mean();
  const double variance = (samples.array() - static_cast<float>(mean)).square().mean();
  std::printf("mean %.3f, variance %.3f\n", mean, variance);
  const bool good = std::abs(mean - 1.0) < 0.2 && std::abs(variance - 0.95) < 0.2;
  return good ? 0 : 1;
}
