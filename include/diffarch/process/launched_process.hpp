#pragma once

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <system_error>

namespace diffarch {

/// One of the processes that a launcher (mpirun, srun) started together.
struct LaunchedProcess {
  int rank = 0;               ///< 0, ..., count - 1
  int count = 1;              ///< 1: no launcher, or one process
  int local_rank = 0;         ///< 0, 1, ...: among the processes on the same machine
  const char* variable = "";  ///< of the environment, that says so; empty: no launcher
};

namespace detail {

/// A whole number in a variable of the environment, or false.
[[nodiscard]] inline bool number_of_environment(const char* variable, int& value) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return false;
  const std::string_view view = text;
  const auto [end, problem] = std::from_chars(view.data(), view.data() + view.size(), value);
  return problem == std::errc{} && end == view.data() + view.size();
}

/// The local rank that MPI has told (`mpi::Session`), which knows better than the environment; -1: it has told none.
[[nodiscard]] inline int& local_rank_by_mpi() noexcept {
  static int rank = -1;
  return rank;
}

/// The local rank: MPI's, else that of the environment, else 0.
[[nodiscard]] inline int local_rank() {
  if (local_rank_by_mpi() >= 0) return local_rank_by_mpi();
  int rank = 0;
  for (const char* variable : {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"})
    if (number_of_environment(variable, rank) && rank >= 0) return rank;
  return 0;
}

}  // namespace detail

/// Returns what the environment variables of a launcher (Open MPI, Hydra of MPICH and Intel MPI, SLURM's srun) say of
/// this process. A program does not need MPI to notice that it was started several times.
[[nodiscard]] inline LaunchedProcess launched_process() {
  struct Variables {
    const char* count;
    const char* rank;
  };
  constexpr Variables launchers[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                     {"PMI_SIZE", "PMI_RANK"},
                                     {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};
  for (const Variables& launcher : launchers) {
    LaunchedProcess process{.variable = launcher.count};
    if (detail::number_of_environment(launcher.count, process.count) &&
        detail::number_of_environment(launcher.rank, process.rank) && process.rank >= 0 &&
        process.rank < process.count) {
      process.local_rank = detail::local_rank();
      return process;
    }
  }
  return {};
}

}  // namespace diffarch
