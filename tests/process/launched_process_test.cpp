#include "diffarch/process/launched_process.hpp"

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "support.hpp"

using namespace diffarch;

namespace {

/// Sets variables of the environment, and no other that a launcher sets, while it lives.
class LauncherEnvironment {
 public:
  explicit LauncherEnvironment(const std::map<std::string, std::string>& variables) {
    for (const char* name :
         {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_SIZE", "PMI_RANK", "SLURM_STEP_NUM_TASKS",
          "SLURM_PROCID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}) {
      const char* value = std::getenv(name);
      before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      unsetenv(name);
    }
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  }
  LauncherEnvironment(const LauncherEnvironment&) = delete;
  LauncherEnvironment& operator=(const LauncherEnvironment&) = delete;
  ~LauncherEnvironment() {
    for (const auto& [name, value] : before_)
      if (value)
        setenv(name.c_str(), value->c_str(), 1);
      else
        unsetenv(name.c_str());
  }

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

LaunchedProcess launched_with(const std::map<std::string, std::string>& variables) {
  const LauncherEnvironment environment(variables);
  return launched_process();
}

}  // namespace

TEST_CASE("Every launcher's processes know how many they are", "[process]") {
  const std::pair<const char*, const char*> launchers[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                                           {"PMI_SIZE", "PMI_RANK"},
                                                           {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};
  for (const auto& [count, rank] : launchers) {
    CAPTURE(count);
    const LaunchedProcess process = launched_with({{count, "3"}, {rank, "2"}});
    CHECK(process.count == 3);
    CHECK(process.rank == 2);
    CHECK(std::string(process.variable) == count);
  }
  // mpirun inside a job of SLURM: the processes are mpirun's.
  CHECK(launched_with({{"SLURM_STEP_NUM_TASKS", "2"},
                       {"SLURM_PROCID", "0"},
                       {"OMPI_COMM_WORLD_SIZE", "8"},
                       {"OMPI_COMM_WORLD_RANK", "5"}})
            .count == 8);
}

TEST_CASE("A process knows which of those on its machine it is", "[process]") {
  for (const char* local : {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}) {
    CAPTURE(local);
    CHECK(launched_with({{"PMI_SIZE", "8"}, {"PMI_RANK", "6"}, {local, "2"}}).local_rank == 2);
    CHECK(launched_with({{"PMI_SIZE", "8"}, {"PMI_RANK", "6"}, {local, "-2"}}).local_rank == 0);
    CHECK(launched_with({{"PMI_SIZE", "8"}, {"PMI_RANK", "6"}, {local, "two"}}).local_rank == 0);
  }
  CHECK(launched_with({{"PMI_SIZE", "8"}, {"PMI_RANK", "6"}}).local_rank == 0);
  // mpirun inside a job of SLURM: the processes are mpirun's.
  CHECK(launched_with({{"SLURM_LOCALID", "0"},
                       {"OMPI_COMM_WORLD_SIZE", "8"},
                       {"OMPI_COMM_WORLD_RANK", "5"},
                       {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}})
            .local_rank == 1);
}

TEST_CASE("A process without a launcher, or with an environment that makes no sense, is alone", "[process]") {
  for (const std::map<std::string, std::string>& variables : {std::map<std::string, std::string>{},
                                                              {{"PMI_SIZE", "2"}},
                                                              {{"PMI_SIZE", "two"}, {"PMI_RANK", "0"}},
                                                              {{"PMI_SIZE", "2x"}, {"PMI_RANK", "0"}},
                                                              {{"PMI_SIZE", "2"}, {"PMI_RANK", "2"}},
                                                              {{"PMI_SIZE", "2"}, {"PMI_RANK", "-1"}}}) {
    const LaunchedProcess process = launched_with(variables);
    CHECK(process.count == 1);
    CHECK(process.rank == 0);
    CHECK(std::string(process.variable).empty());
  }
}
