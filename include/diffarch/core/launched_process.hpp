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
  const char* variable = "";  ///< of the environment, that says so; empty: no launcher
};

/// What the launcher's environment says of this process: Open MPI, Hydra (MPICH, Intel MPI) or SLURM's srun. A program
/// needs no MPI to notice that it was started several times.
[[nodiscard]] inline LaunchedProcess launched_process() {
  struct Variables {
    const char* count;
    const char* rank;
  };
  constexpr Variables launchers[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                     {"PMI_SIZE", "PMI_RANK"},
                                     {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};
  const auto number = [](const char* variable, int& value) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return false;
    const std::string_view view = text;
    const auto [end, problem] = std::from_chars(view.data(), view.data() + view.size(), value);
    return problem == std::errc{} && end == view.data() + view.size();
  };
  for (const Variables& launcher : launchers) {
    LaunchedProcess process{.variable = launcher.count};
    if (number(launcher.count, process.count) && number(launcher.rank, process.rank) && process.rank >= 0 &&
        process.rank < process.count)
      return process;
  }
  return {};
}

}  // namespace diffarch
