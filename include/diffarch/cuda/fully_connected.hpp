#pragma once

#include "diffarch/cuda/blas.hpp"
#include "diffarch/cuda/reduction.hpp"

namespace diffarch::cuda {

namespace detail {

/// Every column of y (rows, columns) becomes the vector v.
template <class Scalar>
struct RepeatVector {
  const Scalar* v;
  Scalar* y;
  Index rows;
  constexpr void operator()(Index row, Index column) const { y[column * rows + row] = v[row]; }
};

template <class Scalar>
struct LoadElement {
  const Scalar* values;
  Index rows;
  constexpr double operator()(Index row, Index column) const {
    return static_cast<double>(values[column * rows + row]);
  }
};

/// Stores a sum in double as a Scalar.
template <class Scalar>
struct StoreRounded {
  Scalar* values;
  constexpr void operator()(Index i, double value) const { values[i] = static_cast<Scalar>(value); }
};

}  // namespace detail

/// `FullyConnected<Scalar>` of CudaKernels: products of cuBLAS.
template <class Scalar>
class ProductFullyConnected {
 public:
  void plan(Index inputs, Index outputs, Index samples) {
    inputs_ = inputs;
    outputs_ = outputs;
    samples_ = samples;
  }
  [[nodiscard]] static constexpr Index workspace_size() { return 0; }

  void forward(const Scalar* x, const Scalar* weights, const Scalar* bias, Scalar* y, Scalar* /*workspace*/) const {
    for_each(outputs_, samples_, detail::RepeatVector<Scalar>{bias, y, outputs_});
    gemm<Scalar>(true, false, outputs_, samples_, inputs_, Scalar(1), weights, inputs_, x, inputs_, Scalar(1), y,
                 outputs_);
  }

  void backward(const Scalar* x, const Scalar* dy, const Scalar* weights, Scalar* weights_gradient,
                Scalar* bias_gradient, Scalar* dx, Scalar* /*workspace*/) const {
    reduce_rows<double>(outputs_, samples_, detail::LoadElement<Scalar>{dy, outputs_},
                        detail::StoreRounded<Scalar>{bias_gradient});
    gemm<Scalar>(false, true, inputs_, outputs_, samples_, Scalar(1), x, inputs_, dy, outputs_, Scalar(0),
                 weights_gradient, inputs_);
    if (dx != nullptr)
      gemm<Scalar>(false, false, inputs_, samples_, outputs_, Scalar(1), weights, inputs_, dy, outputs_, Scalar(0), dx,
                   inputs_);
  }

 private:
  Index inputs_ = 0;
  Index outputs_ = 0;
  Index samples_ = 0;
};

}  // namespace diffarch::cuda
