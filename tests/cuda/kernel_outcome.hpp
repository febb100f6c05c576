#pragma once

// Layers' kernels on operands of the host, whatever memory they compute in: to compare those of the device with the
// host's.

#include "diffarch/cuda/nn/network_kernels.hpp"
#include "diffarch/nn/kernels/eigen_kernels.hpp"
#include "support.hpp"

namespace diffarch::test {

/// Limits of differences to the host. In f32 1e-5: sums of thousands of products of either sign, in other orders.
template <class Scalar>
inline constexpr double kernel_tolerance = std::is_same_v<Scalar, float> ? 1e-5 : 1e-12;
/// For functions of single elements, and short sums.
template <class Scalar>
inline constexpr double element_tolerance = std::is_same_v<Scalar, float> ? 1e-6 : 1e-12;

/// An array of the host in memory of the kernels.
template <class Kernels, class Scalar>
class KernelsArray {
 public:
  KernelsArray(Index rows, Index columns) : rows_(rows), columns_(columns), memory_(rows * columns) {}
  explicit KernelsArray(const Matrix<Scalar>& host) : KernelsArray(host.rows(), host.cols()) {
    Kernels::copy_from_host(host.data(), host.size(), memory_.data());
  }
  [[nodiscard]] Scalar* data() { return memory_.data(); }
  [[nodiscard]] Matrix<Scalar> host() {
    Matrix<Scalar> values(rows_, columns_);
    Kernels::copy_to_host(memory_.data(), values.size(), values.data());
    return values;
  }

 private:
  Index rows_, columns_;
  typename Kernels::template Buffer<Scalar> memory_;
};

/// Random operands of a layer with weights.
template <class Scalar>
struct LayerOperands {
  LayerOperands(Index inputs, Index outputs, Index samples, Index weight_rows, Index weight_columns)
      : x(random_matrix<Scalar>(inputs, samples, 1)),
        dy(random_matrix<Scalar>(outputs, samples, 2)),
        weights(random_matrix<Scalar>(weight_rows, weight_columns, 3)) {}
  Matrix<Scalar> x, dy, weights;
};

template <class Scalar>
struct LayerOutcome {
  Matrix<Scalar> y, weights_gradient, dx;
};

/// y, the gradient of the weights and, unless it is not wanted, dx of a planned convolution, transposed or not.
template <class Kernels, class Kernel, class Scalar>
[[nodiscard]] LayerOutcome<Scalar> convolution_outcome(Kernel& kernel, const LayerOperands<Scalar>& operands,
                                                       bool wants_dx = true) {
  KernelsArray<Kernels, Scalar> x(operands.x);
  KernelsArray<Kernels, Scalar> dy(operands.dy);
  KernelsArray<Kernels, Scalar> weights(operands.weights);
  KernelsArray<Kernels, Scalar> y(operands.dy.rows(), operands.dy.cols());
  KernelsArray<Kernels, Scalar> gradient(operands.weights.rows(), operands.weights.cols());
  KernelsArray<Kernels, Scalar> dx(operands.x.rows(), operands.x.cols());
  KernelsArray<Kernels, Scalar> workspace(kernel.workspace_size(), 1);
  kernel.forward(x.data(), weights.data(), y.data(), workspace.data());
  kernel.backward(x.data(), dy.data(), weights.data(), gradient.data(), wants_dx ? dx.data() : nullptr,
                  workspace.data());
  return {y.host(), gradient.host(), wants_dx ? dx.host() : Matrix<Scalar>()};
}

/// Largest difference of the parts of an outcome, each relative to the largest number of the part.
template <class Scalar>
[[nodiscard]] double outcome_difference(const LayerOutcome<Scalar>& a, const LayerOutcome<Scalar>& b) {
  double worst = std::max(relative_difference(a.y, b.y), relative_difference(a.weights_gradient, b.weights_gradient));
  if (a.dx.size() > 0) worst = std::max(worst, relative_difference(a.dx, b.dx));
  return worst;
}

}  // namespace diffarch::test
