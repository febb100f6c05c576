// Seconds for fitting and sampling polynomial denoisers of images, as one JSON object: polynomial.py compares them with
// the reference code in the same run. 16 images of 64 x 64 x 3, 1000 training images, f32.
//   polynomial_sampling         1024 random features, 50 cosine steps: legacy, single draw, exact average
//   polynomial_sampling patch   PatchPolynomial<3>, legacy, 10 steps; and the time of its own products and Cholesky
//                               factorisations, by their flops at the speeds measured here for plain Eigen on all
//                               threads

#include <chrono>
#include <cstdio>
#include <cstring>

#include "benchmark_data.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/denoiser/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/random_feature_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

namespace {

using namespace diffarch;

constexpr Index samples = 16;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Fitting, then sampling. Samples that escape are part of the answer and cost the same.
template <class Architecture>
std::pair<double, double> seconds_of(const Architecture& architecture, const Batch<float>& data, Index steps) {
  const auto start = std::chrono::steady_clock::now();
  DiffusionSampler<Architecture, CosineSchedule> sampler{architecture, CosineSchedule{.steps = steps}};
  sampler.fit(data);
  const double fit = seconds_since(start);
  EscapeLog log(1e3);
  static_cast<void>(sampler.sample(samples, Seed{1}, log));
  return {fit, seconds_since(start) - fit};
}

template <int Degree, class Averaging>
double total_of(const Batch<float>& data) {
  const auto [fit, sample] =
      seconds_of(Polynomial<Degree, RandomFeatures<Averaging>>{{.keep_levels = false}}, data, 50);
  return fit + sample;
}

/// Flops per second of a product (m, k) x (k, n) on all threads, the best of three.
template <class Scalar>
double product_speed(Index m, Index k, Index n) {
  const Matrix<Scalar> a = Matrix<Scalar>::Random(m, k);
  const Matrix<Scalar> b = Matrix<Scalar>::Random(k, n);
  Matrix<Scalar> c(m, n);
  double best = 1e300;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    c.noalias() = a * b;
    best = std::min(best, seconds_since(start));
  }
  return 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n) / best;
}

void patch(const Batch<float>& data) {
  const ImageShape shape{64, 64, 3};
  const PatchSchedule patches;
  double single_flops = 0.0;
  double double_flops = 0.0;
  const auto n = static_cast<double>(data.cols());
  for (Index step = 0; step < 10; ++step) {
    const auto size = static_cast<double>(patches.patch_size(step, 10, shape));
    const auto p = static_cast<double>(patches.width(step, 10));
    const double windows = (65.0 - size) * (65.0 - size);
    single_flops += windows * 2.0 * p * 3.0 * size * size * (n + static_cast<double>(samples));  // R times the patches
    double_flops += windows * (p * p * n + p * p * p / 3.0);           // covariance (a triangle), Cholesky
    double_flops += 12288.0 * (2.0 * p * n + 2.0 * p * p);             // right-hand sides and their solution
    double_flops += 12288.0 * 2.0 * p * static_cast<double>(samples);  // sampling
  }
  const double limit =
      single_flops / product_speed<float>(1024, 4096, 1000) + double_flops / product_speed<double>(1024, 1024, 1000);
  const auto [fit, sample] = seconds_of(PatchPolynomial<3, Legacy>{.shape = shape}, data, 10);
  std::printf("{\"fit_seconds\": %.3f, \"sample_seconds\": %.3f, \"gemm_cholesky_limit_seconds\": %.3f}\n", fit, sample,
              limit);
}

}  // namespace

int main(int argc, char** argv) try {
  keep_freed_memory();
  const Batch<float> data = benchmark_data();
  if (argc > 1 && std::strcmp(argv[1], "patch") == 0) {
    patch(data);
    return 0;
  }
  const double legacy = total_of<3, Legacy>(data);
  const double single = total_of<3, SingleDraw>(data);
  const double exact_3 = total_of<3, ExactAverage>(data);
  const double exact_27 = total_of<27, ExactAverage>(data);
  std::printf("{\"legacy\": %.3f, \"single_draw\": %.3f, \"exact_3\": %.3f, \"exact_27\": %.3f}\n", legacy, single,
              exact_3, exact_27);
} catch (const std::exception& error) {
  std::fprintf(stderr, "polynomial_sampling: error: %s\n", error.what());
  return 1;
}
