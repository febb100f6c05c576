#pragma once

// The kernels of the tested backend, and networks on any backend seen from the host: tests put in and get out Eigen
// matrices, whatever memory the network computes in.

#include <array>
#include <vector>

#include "diffarch/nn/kernels/host_copy.hpp"
#include "diffarch/nn/kernels/kernels.hpp"
#include "diffarch/nn/network.hpp"
#include "support.hpp"
#include "tested_backend.hpp"
#ifdef DIFFARCH_TEST_CUDA
#include "diffarch/cuda/nn/network_kernels.hpp"
#endif

namespace diffarch::test {

using TestedKernels = typename nn::KernelsOf<TestedBackend>::type;

/// The output for samples of the host.
template <class Body>
Batch<typename Body::Scalar> forward_on(nn::Network<Body>& network, const Batch<typename Body::Scalar>& x,
                                        nn::Mode mode) {
  using B = typename Body::Kernels::BackendType;
  return B::download(network.forward(B::upload(x), mode));
}

/// The weights' gradients and dx of samples of the host, after `forward_on`, for dLoss/dy.
template <class Body>
Batch<typename Body::Scalar> backward_on(nn::Network<Body>& network, const Batch<typename Body::Scalar>& x,
                                         const Batch<typename Body::Scalar>& dy) {
  using B = typename Body::Kernels::BackendType;
  network.output_gradient() = B::upload(dy);
  typename nn::Network<Body>::Storage dx;
  network.backward(B::upload(x), dx);
  return B::download(dx);
}

/// The numbers of a tensor, a parameter's or a buffer's.
template <class Kernels = TestedKernels, class Span>
[[nodiscard]] auto values_of(Span values) {
  return nn::host_copy<Kernels>(values);
}

/// Sets a tensor.
template <class Kernels = TestedKernels, class Scalar>
void set_values(std::span<Scalar> values, const std::vector<Scalar>& host) {
  REQUIRE(values.size() == host.size());
  Kernels::copy_from_host(host.data(), static_cast<Index>(host.size()), values.data());
}

/// All tensors in their order, running statistics included, and counters as numbers.
template <class Body>
[[nodiscard]] std::vector<typename Body::Scalar> tensors_of(nn::Network<Body>& network) {
  using Scalar = typename Body::Scalar;
  std::vector<Scalar> all;
  network.for_each_parameter([&](const nn::Parameter<Scalar>& p) {
    const std::vector<Scalar> values = values_of<typename Body::Kernels>(p.values);
    all.insert(all.end(), values.begin(), values.end());
    if (p.counter != nullptr) all.push_back(static_cast<Scalar>(*p.counter));
  });
  return all;
}

/// Numbers in memory of the tested backend, for kernels that take pointers.
template <class Scalar>
class KernelMemory {
 public:
  explicit KernelMemory(Index size) : memory_(size) {}
  explicit KernelMemory(std::span<const Scalar> host) : KernelMemory(static_cast<Index>(host.size())) {
    TestedKernels::copy_from_host(host.data(), memory_.size(), memory_.data());
  }
  template <class Derived>
  explicit KernelMemory(const Eigen::PlainObjectBase<Derived>& host) : KernelMemory(host.size()) {
    TestedKernels::copy_from_host(host.data(), memory_.size(), memory_.data());
  }

  [[nodiscard]] Scalar* data() { return memory_.data(); }
  [[nodiscard]] std::span<Scalar> span() { return memory_.span(); }
  [[nodiscard]] std::span<const Scalar> span() const { return memory_.span(); }
  [[nodiscard]] std::vector<Scalar> host() const { return values_of(span()); }
  [[nodiscard]] Matrix<Scalar> host(Index rows, Index columns) const {
    const std::vector<Scalar> values = host();
    return Eigen::Map<const Matrix<Scalar>>(values.data(), rows, columns);
  }

 private:
  typename TestedKernels::template Buffer<Scalar> memory_;
};

}  // namespace diffarch::test
