#pragma once

#include "diffarch/cuda/algebra/blas.hpp"
#include "diffarch/cuda/runtime/reduction.hpp"

namespace diffarch::cuda {

namespace detail {

/// The first `repeats` columns of y become the first column of v, the next as many the second, and so on; `rows` each.
template <class Scalar>
struct RepeatColumns {
  const Scalar* v;
  Scalar* y;
  Index rows, repeats;
  constexpr void operator()(Index row, Index column) const {
    y[column * rows + row] = v[column / repeats * rows + row];
  }
};

/// Element `column` of row `row` of matrices (rows, columns) one after the other, their rows counted through.
template <class Scalar>
struct LoadFromMatrices {
  const Scalar* values;
  Index rows, columns;
  constexpr double operator()(Index row, Index column) const {
    const Index matrix = row / rows;
    return static_cast<double>(values[(matrix * columns + column) * rows + (row - matrix * rows)]);
  }
};

/// Stores a sum in double as a Scalar.
template <class Scalar>
struct StoreRounded {
  Scalar* values;
  constexpr void operator()(Index i, double value) const { values[i] = static_cast<Scalar>(value); }
};

}  // namespace detail

/// `FullyConnected<Scalar>` of CudaKernels: products of cuBLAS, those of several networks in one call.
template <class Scalar>
class ProductFullyConnected {
 public:
  void plan(Index inputs, Index outputs, Index samples, Index networks = 1) {
    inputs_ = inputs;
    outputs_ = outputs;
    networks_ = networks;
    samples_ = samples / networks;
  }
  /// For the sums of the bias' gradient.
  [[nodiscard]] Index workspace_size() const {
    return outputs_ * networks_ * row_parts(samples_) * static_cast<Index>(sizeof(double) / sizeof(Scalar));
  }

  void forward(const Scalar* x, const Scalar* weights, const Scalar* bias, Scalar* y, Scalar* /*workspace*/) const {
    for_each(outputs_, samples_ * networks_, detail::RepeatColumns<Scalar>{bias, y, outputs_, samples_});
    gemm_batch<Scalar>(true, false, outputs_, samples_, inputs_, Scalar(1), weights, inputs_, weights_size(), x,
                       inputs_, x_size(), Scalar(1), y, outputs_, y_size(), networks_);
  }

  void backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient,
                Scalar* bias_gradient, Scalar* dx, Scalar* workspace) const {
    reduce_rows<double>(outputs_ * networks_, samples_, detail::LoadFromMatrices<Scalar>{dy, outputs_, samples_},
                        detail::StoreRounded<Scalar>{bias_gradient}, reinterpret_cast<double*>(workspace));
    gemm_batch<Scalar>(false, true, inputs_, outputs_, samples_, Scalar(1), x, inputs_, x_size(), dy, outputs_,
                       y_size(), Scalar(0), weights_gradient, inputs_, weights_size(), networks_);
    if (dx != nullptr)
      gemm_batch<Scalar>(false, false, inputs_, samples_, outputs_, Scalar(1), weights, inputs_, weights_size(), dy,
                         outputs_, y_size(), Scalar(0), dx, inputs_, x_size(), networks_);
  }

 private:
  // Sizes of the arrays of one network.
  [[nodiscard]] Index x_size() const { return inputs_ * samples_; }
  [[nodiscard]] Index y_size() const { return outputs_ * samples_; }
  [[nodiscard]] Index weights_size() const { return outputs_ * inputs_; }

  Index inputs_ = 0;
  Index outputs_ = 0;
  Index samples_ = 0;  ///< of each network
  Index networks_ = 1;
};

}  // namespace diffarch::cuda
