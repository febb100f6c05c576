#pragma once

#include <span>
#include <vector>

#include "diffarch/core/batch.hpp"

namespace diffarch::nn {

/// Numbers in memory of the kernels' backend, as the host can read them.
template <class Kernels, class Scalar>
[[nodiscard]] std::vector<Scalar> host_copy(std::span<const Scalar> values) {
  std::vector<Scalar> copy(values.size());
  Kernels::copy_to_host(values.data(), static_cast<Index>(values.size()), copy.data());
  return copy;
}
template <class Kernels, class Scalar>
[[nodiscard]] std::vector<Scalar> host_copy(std::span<Scalar> values) {
  return host_copy<Kernels>(std::span<const Scalar>(values));
}

/// Sets memory of the kernels' backend to what make(std::span<Scalar>) writes on the host.
template <class Kernels, class Scalar, class Make>
void set_from_host(std::span<Scalar> values, const Make& make) {
  std::vector<Scalar> host(values.size());
  make(std::span<Scalar>(host));
  Kernels::copy_from_host(host.data(), static_cast<Index>(values.size()), values.data());
}

}  // namespace diffarch::nn
