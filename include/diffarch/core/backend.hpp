#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <string>
#include <utility>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/parallel.hpp"
#include "diffarch/core/random.hpp"

namespace diffarch {

namespace detail {
struct ElementProbe {
  constexpr void operator()(Index /*row*/, Index /*column*/) const {}
};

template <class Storage, class Scalar>
void require_columns(const Storage& storage, const Batch<Scalar>& batch, Index first) {
  require<DimensionMismatch>(storage.rows() == batch.rows() && first >= 0 && first + storage.cols() <= batch.cols(),
                             "download_columns: ", shape_text(storage), " to the columns of ", shape_text(batch),
                             " from column ", first);
}
}  // namespace detail

namespace detail {

/// Arrays: `Storage<Scalar>` is a (rows, cols) array of the backend. Storage(rows, cols) holds any numbers, Storage()
/// none.
template <class B, class Scalar>
concept BackendArrays = std::semiregular<typename B::template Storage<Scalar>> &&
    std::constructible_from<typename B::template Storage<Scalar>, Index, Index> &&
    requires(typename B::template Storage<Scalar> array, const typename B::template Storage<Scalar>& constant) {
  { constant.rows() } -> std::convertible_to<Index>;
  { constant.cols() } -> std::convertible_to<Index>;
  { array.data() } -> std::same_as<Scalar*>;
  { constant.data() } -> std::same_as<const Scalar*>;
};

/// Copies.
///  - `upload(batch)` and `download(storage)`: from and to host memory (moves where they are the same memory).
///  - `download_columns(storage, batch, first)`: to the columns of `batch` from column `first` on, which has to have
///    them. Throws DimensionMismatch where it has not, or has other rows.
template <class B, class Scalar>
concept BackendCopies = requires(Batch<Scalar> batch, const Batch<Scalar>& constant_batch,
                                 typename B::template Storage<Scalar> array,
                                 const typename B::template Storage<Scalar>& constant) {
  { B::upload(std::move(batch)) } -> std::same_as<typename B::template Storage<Scalar>>;
  { B::upload(constant_batch) } -> std::same_as<typename B::template Storage<Scalar>>;
  { B::download(std::move(array)) } -> std::same_as<Batch<Scalar>>;
  { B::download(constant) } -> std::same_as<Batch<Scalar>>;
  B::download_columns(constant, batch, Index{});
};

/// Numbers.
///  - `all_finite(storage)`: whether no element is NaN or infinite.
///  - `column_norms(storage)`: the Euclidean norms of the columns, in double, on the host.
///  - `normal<Scalar>(d, n, seed, stream, first_sample)`: the numbers of `normal_batch`, made where they are needed.
template <class B, class Scalar>
concept BackendNumbers = requires(const typename B::template Storage<Scalar>& constant) {
  { B::all_finite(constant) } -> std::same_as<bool>;
  { B::column_norms(constant) } -> std::same_as<Vector<double>>;
  {
    B::template normal<Scalar>(Index{}, Index{}, Seed{}, Stream{}, Index{})
    } -> std::same_as<typename B::template Storage<Scalar>>;
};

template <class B, class Scalar>
concept BackendFor = BackendArrays<B, Scalar> && BackendCopies<B, Scalar> && BackendNumbers<B, Scalar>;

}  // namespace detail

/// The place where arrays live, and the functions that compute on them. A backend is an empty type with, for Scalar =
/// float and double, the arrays, copies and numbers that the concepts above list, and
///  - `name()`: for reports and for options;
///  - `for_each(rows, columns, f)`: runs the functor f(row, column) for every element of a (rows, columns) array, in
///    any order. A functor holds raw pointers and numbers, is marked constexpr so that a device may run it too, and
///    writes each product into at most one sum: then a compiler that contracts to fused multiply-add does so the same
///    way in vector and scalar code, and results do not depend on where an element lies in memory.
/// Matrix products and factorisations of a backend are in `LinearAlgebra<Backend>` (solver/).
template <class B>
concept Backend = requires {
  sizeof(B);
}
&&std::semiregular<B>&& detail::BackendFor<B, float>&& detail::BackendFor<B, double>&& requires {
  { B::name() } -> std::convertible_to<std::string>;
  B::for_each(Index{}, Index{}, detail::ElementProbe{});
};

/// The host: Eigen matrices, OpenMP threads.
struct Cpu {
  template <class Scalar>
  using Storage = Batch<Scalar>;

  [[nodiscard]] static std::string name() { return "cpu"; }

  template <class Scalar>
  [[nodiscard]] static Batch<Scalar> upload(Batch<Scalar> batch) {
    return batch;
  }

  template <class Scalar>
  [[nodiscard]] static Batch<Scalar> download(Batch<Scalar> storage) {
    return storage;
  }

  template <class Scalar>
  static void download_columns(const Batch<Scalar>& storage, Batch<Scalar>& batch, Index first) {
    detail::require_columns(storage, batch, first);
    batch.middleCols(first, storage.cols()) = storage;
  }

  template <class Scalar>
  [[nodiscard]] static bool all_finite(const Batch<Scalar>& storage) {
    // x - x is 0 where x is finite and NaN elsewhere: a sum, which takes vector instructions, tells.
    constexpr Index piece = 1 << 16;
    std::atomic<bool> finite{true};
    parallel_for((storage.size() + piece - 1) / piece, piece, [&](Index task) {
      const Index first = task * piece;
      const Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>> values(storage.data() + first,
                                                                             std::min(piece, storage.size() - first));
      if (!((values - values).sum() == Scalar(0))) finite = false;
    });
    return finite;
  }

  template <class Scalar>
  [[nodiscard]] static Vector<double> column_norms(const Batch<Scalar>& storage) {
    Vector<double> norms(storage.cols());
    for (Index column = 0; column < storage.cols(); ++column)
      norms(column) = storage.col(column).template cast<double>().norm();
    return norms;
  }

  template <class Functor>
  static void for_each(Index rows, Index columns, const Functor& functor) {
    if (rows <= 0 || columns <= 0) return;
    constexpr Index task_size = 1 << 15;
    const Index task_rows = std::min(rows, task_size);
    const Index task_columns = std::max<Index>(1, task_size / rows);
    const Index row_tasks = (rows + task_rows - 1) / task_rows;
    const Index column_tasks = (columns + task_columns - 1) / task_columns;
    parallel_for(row_tasks * column_tasks, task_rows * task_columns, [&](Index task) {
      const Index row_begin = (task % row_tasks) * task_rows;
      const Index row_end = std::min(rows, row_begin + task_rows);
      const Index column_begin = (task / row_tasks) * task_columns;
      const Index column_end = std::min(columns, column_begin + task_columns);
      for (Index column = column_begin; column < column_end; ++column)
        for (Index row = row_begin; row < row_end; ++row) functor(row, column);
    });
  }

  template <class Scalar>
  [[nodiscard]] static Batch<Scalar> normal(Index d, Index n, Seed seed, Stream stream, Index first_sample) {
    return normal_batch<Scalar>(d, n, seed, stream, first_sample);
  }
};

static_assert(Backend<Cpu>);

struct Cuda;  // an NVIDIA GPU: include <diffarch/cuda/cuda.hpp> and compile with nvcc (a .cu file, diffarch::cuda)

}  // namespace diffarch
