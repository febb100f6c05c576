#pragma once

#include <algorithm>

#include "diffarch/core/batch.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace diffarch {

/// Runs body(i) for i in [0, count), on all OpenMP threads when the program is compiled with OpenMP, else in order.
/// The caller decides what a task is, so results never depend on how many threads share the tasks.
/// `work` is the number of elementary operations of one task, roughly: tasks too small together to pay for waking the
/// threads run in order. `body` must not throw: an exception cannot leave an OpenMP region.
template <class Body>
void parallel_for(Index count, Index work, const Body& body) {
#ifdef _OPENMP
  constexpr double worth_waking = 1 << 15;
  if (count > 1 && static_cast<double>(count) * static_cast<double>(work) >= worth_waking) {
#pragma omp parallel for schedule(dynamic)
    for (Index i = 0; i < count; ++i) body(i);
    return;
  }
#else
  static_cast<void>(work);
#endif
  for (Index i = 0; i < count; ++i) body(i);
}

/// Runs body(first, rows) for groups of rows of a matrix, `rows` being an Eigen block whose first row is row `first`,
/// as parallel_for runs tasks: for reductions over the columns, say. The groups depend on the shape only.
template <class M, class Body>
void parallel_for_rows(M& matrix, const Body& body) {
  constexpr Index group = 64;
  parallel_for((matrix.rows() + group - 1) / group, group * matrix.cols(), [&](Index task) {
    const Index first = task * group;
    body(first, matrix.middleRows(first, std::min(group, matrix.rows() - first)));
  });
}

/// Number of threads that `parallel_for` uses in this program: 1 without OpenMP.
[[nodiscard]] inline int thread_count() noexcept {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

namespace detail {

/// Runs body(row, rows, column, columns) for the tiles of a matrix (size, size) that reach its lower triangle, as
/// parallel_for runs tasks. `work`: operations for one element. The tiles depend on the size only.
template <class Body>
void parallel_for_lower_tiles(Index size, Index work, const Body& body) {
  constexpr Index tile = 128;
  const Index tiles = (size + tile - 1) / tile;
  parallel_for(tiles * tiles, tile * tile * work, [&](Index task) {
    const Index row = task / tiles * tile;
    const Index column = task % tiles * tile;
    if (column > row) return;
    body(row, std::min(tile, size - row), column, std::min(tile, size - column));
  });
}

/// Whether Eigen leaves matrix products to a BLAS library (EIGEN_USE_BLAS). Such a library has threads of its own, and
/// promises no bits: what is bitwise the same elsewhere is then the same up to rounding.
#ifdef EIGEN_USE_BLAS
inline constexpr bool blas_multiplies = true;
#else
inline constexpr bool blas_multiplies = false;
#endif

/// While alive, Eigen's own products run on one thread. Eigen chooses its blocking by the number of threads, which
/// changes the order of its sums; our tasks are cut by shape alone, and this keeps each task's sum in one order.
class SerialEigen {
 public:
  SerialEigen() : threads_(Eigen::nbThreads()) { Eigen::setNbThreads(1); }
  ~SerialEigen() { Eigen::setNbThreads(threads_); }
  SerialEigen(const SerialEigen&) = delete;
  SerialEigen& operator=(const SerialEigen&) = delete;

 private:
  int threads_;
};

}  // namespace detail
}  // namespace diffarch
