#pragma once

#include <string>

#include "diffarch/core/backend.hpp"
#include "diffarch/cuda/runtime/device_array.hpp"
#include "diffarch/cuda/runtime/launch.hpp"
#include "diffarch/cuda/runtime/random.hpp"
#include "diffarch/cuda/runtime/reduction.hpp"

namespace diffarch {

namespace cuda::detail {

/// 1 for NaN and infinities, else 0.
template <class Scalar>
struct IsNotFinite {
  const Scalar* values;
  constexpr int operator()(Index i) const { return values[i] - values[i] == Scalar(0) ? 0 : 1; }
};

/// values[row, column]^2 in double, for reductions over columns.
template <class Scalar>
struct SquareAt {
  const Scalar* values;
  Index rows;
  constexpr double operator()(Index row, Index column) const {
    const auto value = static_cast<double>(values[column * rows + row]);
    return value * value;
  }
};

}  // namespace cuda::detail

/// An NVIDIA GPU: device arrays, cuBLAS and cuSOLVER, element functors as kernels, all in the order of one stream. A
/// program that uses it is compiled by nvcc. Needs a GPU of compute capability 8.0 or newer when it runs: the first use
/// throws CudaError where there is none, saying what is missing.
struct Cuda {
  template <class Scalar>
  using Storage = cuda::DeviceArray<Scalar>;

  [[nodiscard]] static std::string name() { return "cuda"; }

  template <class Scalar>
  [[nodiscard]] static Storage<Scalar> upload(const Batch<Scalar>& batch) {
    return Storage<Scalar>::upload(batch);
  }

  template <class Scalar>
  [[nodiscard]] static Batch<Scalar> download(const Storage<Scalar>& storage) {
    return storage.download();
  }

  template <class Scalar>
  static void download_columns(const Storage<Scalar>& storage, Batch<Scalar>& batch, Index first) {
    diffarch::detail::require_columns(storage, batch, first);
    storage.copy_to_host(batch.data() + first * batch.rows(), storage.size());
  }

  template <class Functor>
  static void for_each(Index rows, Index columns, const Functor& functor) {
    cuda::for_each(rows, columns, functor);
  }

  template <class Scalar>
  [[nodiscard]] static bool all_finite(const Storage<Scalar>& storage) {
    return cuda::reduce<int>(storage.size(), cuda::detail::IsNotFinite<Scalar>{storage.data()}, cuda::Maximum<int>{}) ==
           0;
  }

  template <class Scalar>
  [[nodiscard]] static Vector<double> column_norms(const Storage<Scalar>& storage) {
    Storage<double> squares(storage.cols(), 1);
    cuda::reduce_columns<double>(storage.rows(), storage.cols(),
                                 cuda::detail::SquareAt<Scalar>{storage.data(), storage.rows()},
                                 cuda::StoreAt<double>{squares.data()});
    return squares.download().col(0).cwiseSqrt();
  }

  template <class Scalar>
  [[nodiscard]] static Storage<Scalar> normal(Index d, Index n, Seed seed, Stream stream, Index first_sample) {
    return cuda::normal_batch<Scalar>(d, n, seed, stream, first_sample);
  }
};

static_assert(Backend<Cuda>);

}  // namespace diffarch
