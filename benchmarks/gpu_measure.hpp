#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "diffarch/core/memory.hpp"
#include "diffarch/cuda/algebra/blas.hpp"
#include "diffarch/cuda/algebra/linear_algebra.hpp"

// What the benchmarks gpu_*.cu share. Each prints one JSON object a line: seconds, flops by a formula that its head
// states, what was achieved, and the fraction of what cuBLAS reaches in the same run with large square products.

namespace gpu {

using namespace diffarch;

/// Flops of an operation in single and in double precision, a multiplication and an addition being two.
struct Flops {
  double single_precision = 0.0;
  double double_precision = 0.0;
};

/// Median seconds of `work` by the host's clock, the device being idle before and after; two runs more to warm up.
template <class Work>
double seconds_of(const Work& work, int repeats = 10) {
  std::vector<double> seconds;
  for (int run = -2; run < repeats; ++run) {
    cuda::Context::current().synchronize();
    const auto start = std::chrono::steady_clock::now();
    work();
    cuda::Context::current().synchronize();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    if (run >= 0) seconds.push_back(time.count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

/// Flops per second of cuBLAS on products of (size, size) matrices of normal numbers.
template <class Scalar>
double product_speed(Index size) {
  const auto a = Cuda::normal<Scalar>(size, size, Seed{1}, Stream{1}, 0);
  const auto b = Cuda::normal<Scalar>(size, size, Seed{2}, Stream{1}, 0);
  cuda::DeviceArray<Scalar> c(size, size);
  const double seconds = seconds_of([&] {
    cuda::gemm(false, false, size, size, size, Scalar(1), a.data(), size, b.data(), size, Scalar(0), c.data(), size);
  });
  const auto n = static_cast<double>(size);
  return 2.0 * n * n * n / seconds;
}

/// The device, and what it can do.
class Device {
 public:
  /// Throws CudaError where there is none.
  Device() {
    static_cast<void>(cuda::Context::current());
    int device = 0;
    cuda::check(cudaGetDevice(&device), "cudaGetDevice");
    cudaDeviceProp properties{};
    cuda::check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    name_ = properties.name;
    single_speed_ = product_speed<float>(8192);
    double_speed_ = product_speed<double>(4096);
    std::printf("{\"device\": \"%s\", \"f32_product_tflops\": %.2f, \"f64_product_tflops\": %.2f}\n", name_.c_str(),
                1e-12 * single_speed_, 1e-12 * double_speed_);
  }

  /// Prints one result. `target_seconds` is a goal for one H100; 0: none.
  void report(const std::string& what, double seconds, const Flops& flops, double target_seconds = 0.0) const {
    const double total = flops.single_precision + flops.double_precision;
    const double floor = flops.single_precision / single_speed_ + flops.double_precision / double_speed_;
    std::printf("{\"what\": \"%s\", \"device\": \"%s\", \"ms\": %.4f, \"gflop\": %.3f, \"tflops\": %.3f", what.c_str(),
                name_.c_str(), 1e3 * seconds, 1e-9 * total, 1e-12 * total / seconds);
    std::printf(", \"fraction_of_peak\": %.3f", floor / seconds);
    if (target_seconds > 0.0)
      std::printf(", \"target_ms\": %.3f, \"meets_target\": %s", 1e3 * target_seconds,
                  seconds < target_seconds ? "true" : "false");
    std::printf("}\n");
    std::fflush(stdout);
  }

 private:
  std::string name_;
  double single_speed_ = 0.0;
  double double_speed_ = 0.0;
};

/// Runs a benchmark: exit status 77, after one line, where there is no GPU to run on, 1 when something failed.
template <class Body>
int run(const char* program, const Body& body) {
  // Pages of the host that are touched for the first time cost more than a transfer to them.
  keep_freed_memory();
  try {
    static_cast<void>(cuda::Context::current());
  } catch (const CudaError& error) {
    std::printf("%s: skipped: %s\n", program, error.what());
    return 77;
  }
  try {
    body(Device{});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: error: %s\n", program, error.what());
    return 1;
  }
}

}  // namespace gpu
