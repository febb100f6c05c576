#pragma once

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "diffarch/denoiser/train.hpp"
#include "diffarch/mpi/session.hpp"

// Trainings whose levels are shared by the ranks of MPI, which all see the same folder.

namespace diffarch::mpi {

/// Hands out numbered pieces of work, each to one rank, in the order in which ranks become free:
///
///   mpi::Session session;
///   mpi::WorkQueue queue(session);
///   train(architecture, images, schedule, queue.share({.folder = "unet"}));   // for every training, in the same order
///   queue.wait();                                                             // all levels are trained
///
/// A piece that no rank has begun belongs to none: ranks of unequal speed, or pieces of unequal cost, cost little time,
/// and the work of a run that died is shared anew, among any number of ranks. Rank 0 works, too: it answers the others
/// after each training step and in `wait`. It also is the one that speaks: a rank that fails tells it by `fail`.
class WorkQueue {
 public:
  /// All ranks make it together, and it must not outlive the session.
  explicit WorkQueue(const Session& session) : session_(session) {
    MPI_Comm_dup(MPI_COMM_WORLD, &communicator_);  // never freed but by MPI_Finalize: a rank may leave by an exception
  }
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// Whether this rank does the piece of work with this number, >= 0. Every rank asks about all pieces that it does not
  /// see finished, in increasing order; exactly one is told to do each. Throws Error on rank 0 when another has failed.
  [[nodiscard]] bool claim(Index number) {
    if (ticket_ < number) ticket_ = session_.rank() == 0 ? first_free(number) : ask(number);
    return ticket_ == number;
  }

  /// A training for the ranks to share: the levels are the pieces of work or, with warm start, the whole training is
  /// one. What is finished in its folder stays (`resume`). It is interrupted, with a checkpoint, when another rank has
  /// failed, see `failure`. Every rank shares the same trainings in the same order; they must not outlive the queue.
  [[nodiscard]] TrainingRun share(TrainingRun run) {
    constexpr Index more_than_levels = Index{1} << 20U;
    const Index first_number = more_than_levels * trainings_++;
    run.resume = true;
    run.claim = [this, first_number](Index level) { return claim(first_number + level); };
    run.stop = [this, stop = std::move(run.stop)] {
      serve();
      return failure_.has_value() || (stop && stop());
    };
    return run;
  }

  /// Returns when all ranks have called it, without keeping the core busy. Throws Error on rank 0 when another has
  /// failed.
  void wait() {
    MPI_Request everybody{};
    MPI_Ibarrier(communicator_, &everybody);
    complete(everybody);
  }

  /// The message of the first rank that failed. Only rank 0 knows it.
  [[nodiscard]] const std::optional<std::string>& failure() const noexcept { return failure_; }

  /// For a rank other than 0: tells rank 0 why it cannot go on, and waits to be ended.
  [[noreturn]] void fail(const std::string& reason) {
    const std::string text = detail::concat("rank ", session_.rank(), ": ", reason);
    MPI_Request sent{};
    MPI_Isend(text.data(), static_cast<int>(text.size()), MPI_CHAR, 0, failed, communicator_, &sent);
    for (int done = 0;; pause()) MPI_Test(&sent, &done, MPI_STATUS_IGNORE);
  }

 private:
  enum Tag : int { asked = 1, answered = 2, failed = 3 };

  /// The first piece, from `number` on, that was not given away; it now is.
  [[nodiscard]] Index first_free(Index number) {
    serve();
    throw_failure();
    return take(number);
  }
  [[nodiscard]] Index take(Index number) {
    const Index taken = std::max(number, next_);
    next_ = taken + 1;
    return taken;
  }

  [[nodiscard]] Index ask(Index number) {
    const std::int64_t question = number;
    std::int64_t answer = 0;
    MPI_Request reply{};
    MPI_Irecv(&answer, 1, MPI_INT64_T, 0, answered, communicator_, &reply);
    MPI_Send(&question, 1, MPI_INT64_T, 0, asked, communicator_);
    complete(reply);
    return answer;
  }

  /// Rank 0 reads what the others have sent, and answers.
  void serve() {
    if (session_.rank() != 0) return;
    for (;;) {
      int there = 0;
      MPI_Status status{};
      MPI_Iprobe(MPI_ANY_SOURCE, asked, communicator_, &there, &status);
      if (there == 0) break;
      std::int64_t number = 0;
      MPI_Recv(&number, 1, MPI_INT64_T, status.MPI_SOURCE, asked, communicator_, MPI_STATUS_IGNORE);
      const std::int64_t answer = take(number);
      MPI_Send(&answer, 1, MPI_INT64_T, status.MPI_SOURCE, answered, communicator_);
    }
    int there = 0;
    MPI_Status status{};
    MPI_Iprobe(MPI_ANY_SOURCE, failed, communicator_, &there, &status);
    if (there == 0 || failure_) return;
    int size = 0;
    MPI_Get_count(&status, MPI_CHAR, &size);
    std::string text(static_cast<std::size_t>(size), ' ');
    MPI_Recv(text.data(), size, MPI_CHAR, status.MPI_SOURCE, failed, communicator_, MPI_STATUS_IGNORE);
    failure_ = std::move(text);
  }

  void throw_failure() const {
    if (failure_) throw Error(*failure_);
  }

  /// MPI's own waiting would take a core from the ranks that still work.
  void complete(MPI_Request& request) {
    for (;; pause()) {
      serve();
      throw_failure();
      int done = 0;
      MPI_Test(&request, &done, MPI_STATUS_IGNORE);
      if (done != 0) return;
    }
  }
  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

  const Session& session_;
  MPI_Comm communicator_{};
  Index ticket_ = -1;    ///< the piece that this rank was given last
  Index next_ = 0;       ///< on rank 0: the first piece that was never given away
  Index trainings_ = 0;  ///< that were shared
  std::optional<std::string> failure_;
};

}  // namespace diffarch::mpi
