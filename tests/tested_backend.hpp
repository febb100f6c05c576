#pragma once

// Tests of what every backend has to do are compiled once for each: for the host into diffarch_tests, with
// DIFFARCH_TEST_CUDA for the emulated device (and, by nvcc, for a GPU). tests/CMakeLists.txt lists them.

#include <type_traits>

#include "diffarch/core/noise_level.hpp"
#ifdef DIFFARCH_TEST_CUDA
#include "diffarch/cuda/cuda.hpp"
#else
#include "diffarch/solver/linear_algebra.hpp"
#endif

namespace diffarch::test {

#ifdef DIFFARCH_TEST_CUDA
using TestedBackend = Cuda;
#else
using TestedBackend = Cpu;
#endif

/// Whether results are bitwise those of the library's host code: its own kernels sum in another order.
inline constexpr bool on_host = std::is_same_v<TestedBackend, Cpu>;

/// Whether each product of a batch of them has the bits of the same product alone: not on the host, which takes other
/// ways for small ones, and cuBLAS promises nothing.
#ifdef DIFFARCH_EMULATED_DEVICE
inline constexpr bool batched_products_have_bits = true;
#else
inline constexpr bool batched_products_have_bits = false;
#endif

template <class Scalar>
using Storage = typename TestedBackend::template Storage<Scalar>;

/// A copy in the tested backend's memory of an array of the host.
template <class Derived>
[[nodiscard]] Storage<typename Derived::Scalar> upload(const Eigen::MatrixBase<Derived>& host) {
  return TestedBackend::upload(Batch<typename Derived::Scalar>(host));
}

/// A copy on the host of an array of the tested backend.
template <class Array>
[[nodiscard]] auto download(const Array& array) {
  return TestedBackend::download(array);
}

/// A model's prediction for samples of the host, whatever backend it lives on.
template <class Model>
[[nodiscard]] Batch<typename Model::Scalar> denoise_on(const Model& model, const Batch<typename Model::Scalar>& y,
                                                       NoiseLevel level) {
  using B = typename Model::BackendType;
  return B::download(model.denoise(B::upload(y), level));
}

}  // namespace diffarch::test
