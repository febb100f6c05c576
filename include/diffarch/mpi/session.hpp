#pragma once

#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>

#include "diffarch/core/error.hpp"
#include "diffarch/process/launched_process.hpp"

// MPI for programs whose work is shared by several processes, on one machine or many. Needs MPI (diffarch::mpi).

namespace diffarch::mpi {

/// The use of MPI, from its beginning to its end: one in the life of a program. Only the thread that makes it may call
/// MPI. Left by an exception it does not wait for the other ranks: the program then either calls `abort` or ends with a
/// status other than 0, whereupon the launcher ends the other ranks.
class Session {
 public:
  /// Throws Error when MPI is in use already, or when the launcher started several processes and this MPI does not know
  /// of them: they would all do the same work.
  Session() {
    int in_use = 0;
    MPI_Initialized(&in_use);
    detail::require<Error>(in_use == 0, "MPI: in use already; expected one mpi::Session in a program");
    int threads = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &threads);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    const LaunchedProcess process = launched_process();
    if (size_ > 1 || process.count == 1) {
      MPI_Comm machine{};
      MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine);
      MPI_Comm_rank(machine, &local_rank_);
      MPI_Comm_free(&machine);
      detail::local_rank_by_mpi() = local_rank_;
      return;
    }
    MPI_Finalize();
    throw Error(detail::concat("MPI: ", process.variable, " = ", process.count,
                               " processes were started, but MPI sees ",
                               "one: expected the launcher that belongs to the MPI of this program"));
  }

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (std::uncaught_exceptions() == exceptions_) finalize();
  }

  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int size() const noexcept { return size_; }
  /// The rank among those on the same machine. `cuda::Context`, when it is made later, takes the GPU of this number.
  [[nodiscard]] int local_rank() const noexcept { return local_rank_; }
  [[nodiscard]] bool is_finalized() const noexcept { return finalized_; }

  /// Ends MPI, in all ranks together, before the session's life does.
  void finalize() {
    if (!finalized_) MPI_Finalize();
    finalized_ = true;
  }

  /// Ends all ranks; the launcher returns `status`, or another one that is not 0. What was printed before is left the
  /// time to be read: MPICH's launcher drops what it has not read when it ends the ranks.
  [[noreturn]] static void abort(int status) {
    std::fflush(nullptr);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    MPI_Abort(MPI_COMM_WORLD, status);
    std::terminate();  // never reached
  }

 private:
  int rank_ = 0;
  int size_ = 1;
  int local_rank_ = 0;
  bool finalized_ = false;
  int exceptions_ = std::uncaught_exceptions();
};

}  // namespace diffarch::mpi
