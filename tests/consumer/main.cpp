// A user's program: fits the linear denoiser to random data, samples, checks the samples' variance, and writes them
// with every component that is there.

#include <cmath>
#include <cstdio>
#include <diffarch/diffarch.hpp>
#include <random>
#include <string>

using namespace diffarch;

#ifdef FOUND_VERSION
/// Whether the version that CMake found is that of the headers.
bool version_agrees() {
  const std::string headers = std::to_string(DIFFARCH_VERSION_MAJOR) + '.' + std::to_string(DIFFARCH_VERSION_MINOR) +
                              '.' + std::to_string(DIFFARCH_VERSION_PATCH);
  std::printf("version %s, headers of %s\n", FOUND_VERSION, headers.c_str());
  return headers == FOUND_VERSION;
}
#else
bool version_agrees() { return true; }
#endif

int main() {
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal;
  const Batch<float> data = Batch<float>::NullaryExpr(4, 500, [&] { return 1.0F + normal(engine); });

  auto sampler = DiffusionSampler<Linear, CosineSchedule>{Linear{}, CosineSchedule{.steps = 50}};
  const Batch<float> samples = sampler.fit(data).sample(1000, Seed{7});

#ifdef DIFFARCH_HAS_STB
  save_grid("consumer.png", samples.leftCols(9), ImageShape{2, 2, 1});
#endif
#ifdef DIFFARCH_HAS_JSON
  write_safetensors("consumer.safetensors", {{"first", {{4}, std::vector<float>(samples.data(), samples.data() + 4)}}});
#endif

  // 50 steps keep 95 percent of unit variances; 4000 samples know a variance to 2 percent, 500 data points to 6.
  const double mean = samples.mean();
  const double variance = (samples.array() - static_cast<float>(mean)).square().mean();
  std::printf("mean %.3f, variance %.3f\n", mean, variance);
  const bool good = version_agrees() && std::abs(mean - 1.0) < 0.2 && std::abs(variance - 0.95) < 0.2;
  return good ? 0 : 1;
}
