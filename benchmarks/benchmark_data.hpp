#pragma once

#include <cstdlib>
#include <string>

#include "diffarch/core/random.hpp"
#include "diffarch/io/npy.hpp"

/// The training set of the benchmarks, f32, (12288, 1000): 64 x 64 RGB images as in the paper. Read from the .npy file
/// (n, d) that DIFFARCH_BENCHMARK_DATA names, so that a peer measures the same numbers; otherwise drawn with a spectrum
/// that falls like that of images, lambda_k ~ 1/k^2.
inline diffarch::Batch<float> benchmark_data() {
  using namespace diffarch;
  if (const char* path = std::getenv("DIFFARCH_BENCHMARK_DATA")) return read_npy_batch<float>(path);
  constexpr Index d = 12288;
  constexpr Index n = 1000;
  const Batch<float> directions = normal_batch<float>(d, n, Seed{1});
  Batch<float> coordinates = normal_batch<float>(n, n, Seed{2});
  for (Index k = 0; k < n; ++k) coordinates.row(k) /= static_cast<float>(k + 1);
  return directions * coordinates;
}
