// How long does one noise level of the exact polynomial fit take on a GPU: degree k = 3, p = 1024 random features, 1000
// images of 12288 values? Target: less than 5 ms a level on one H100. What 49 more levels add to a fit of one level,
// all in f64: (k + 1) p^2 n flops for the averages over the noise (a triangle of each order's product), p^3 / 3 for the
// Cholesky factorisation, 2 p^2 n for the solutions.

#include "benchmark_data.hpp"
#include "diffarch/cuda/cuda.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/schedule/cosine.hpp"
#include "gpu_measure.hpp"

int main() {
  using namespace diffarch;
  return gpu::run("gpu_polynomial_fit", [](const gpu::Device& device) {
    constexpr int degree = 3;
    constexpr Index width = 1024;
    constexpr Index levels = 50;
    const Batch<float> x = benchmark_data();
    const Polynomial<degree, RandomFeatures<ExactAverage>> architecture{{.width = width, .seed = Seed{1}}};
    const auto seconds_for = [&](Index steps) {
      return gpu::seconds_of([&] { static_cast<void>(fit(architecture, x, CosineSchedule{.steps = steps}, Cuda{})); },
                             3);
    };
    const double one = seconds_for(1);
    const double all = seconds_for(levels);
    const auto n = static_cast<double>(x.cols());
    const auto p = static_cast<double>(width);
    const gpu::Flops flops{.double_precision = (degree + 1.0) * p * p * n + p * p * p / 3.0 + 2.0 * p * p * n};
    device.report("a level of the exact polynomial fit", (all - one) / (levels - 1.0), flops, 0.005);
    device.report("exact polynomial fit of 50 levels", all, {.double_precision = levels * flops.double_precision});
  });
}
