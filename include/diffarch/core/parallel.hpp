#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>

#include "diffarch/core/batch.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace diffarch {

namespace detail {

/// Takes an exception out of tasks that threads share: of several, that of the first task by index, which every task
/// before it has run to find out.
class FirstException {
 public:
  /// Runs body(task), unless a task before it has failed.
  template <class Body>
  void run(Index task, const Body& body) noexcept {
    if (task > failed_task_.load(std::memory_order_relaxed)) return;
    try {
      body(task);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (task >= failed_task_.load(std::memory_order_relaxed)) return;
      failed_task_.store(task, std::memory_order_relaxed);
      exception_ = std::current_exception();
    }
  }

  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::atomic<Index> failed_task_{std::numeric_limits<Index>::max()};
  std::mutex mutex_;
  std::exception_ptr exception_;
};

}  // namespace detail

/// Runs body(i) for i in [0, count), on all OpenMP threads when the program is compiled with OpenMP, else in order.
/// The caller decides what a task is, so results never depend on how many threads share the tasks.
/// `work` is the number of elementary operations of one task, roughly: tasks too small together to pay for waking the
/// threads run in order. When bodies throw, the exception of the smallest i reaches the caller, on any number of
/// threads; some bodies of larger i may not have run.
template <class Body>
void parallel_for(Index count, Index work, const Body& body) {
#ifdef _OPENMP
  constexpr double worth_waking = 1 << 15;
  if (count > 1 && static_cast<double>(count) * static_cast<double>(work) >= worth_waking) {
    detail::FirstException exception;
#pragma omp parallel for schedule(dynamic)
    for (Index i = 0; i < count; ++i) exception.run(i, body);
    exception.rethrow();
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
/// Eigen has one number of threads for the whole process: the first of the objects that are alive at a time, in
/// whatever threads, sets it to 1, and the last puts the old number back.
class SerialEigen {
 public:
  SerialEigen() {
    const std::lock_guard lock(mutex_);
    if (alive_++ > 0) return;
    threads_ = threads_to_restore();
    Eigen::setNbThreads(1);
  }
  ~SerialEigen() {
    const std::lock_guard lock(mutex_);
    if (--alive_ == 0) Eigen::setNbThreads(threads_);
  }
  SerialEigen(const SerialEigen&) = delete;
  SerialEigen& operator=(const SerialEigen&) = delete;

 private:
  /// Returns the argument that setNbThreads needs to restore the present state: 0 where Eigen follows the number of
  /// threads of OpenMP.
  [[nodiscard]] static int threads_to_restore() {
    const int threads = Eigen::nbThreads();
#ifdef _OPENMP
    // Both numbers are those of this thread alone.
    const int openmp_threads = omp_get_max_threads();
    omp_set_num_threads(openmp_threads + 1);
    const bool follows_openmp = Eigen::nbThreads() == openmp_threads + 1 && threads == openmp_threads;
    omp_set_num_threads(openmp_threads);
    if (follows_openmp) return 0;
#endif
    return threads;
  }

  inline static std::mutex mutex_;
  inline static int alive_ = 0;
  inline static int threads_ = 0;
};

}  // namespace detail
}  // namespace diffarch
