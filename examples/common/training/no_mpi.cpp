// Programs built without MPI.

#include "common/training/shared_training.hpp"
#include "diffarch/process/launched_process.hpp"

namespace figures {

using namespace diffarch;

int run_network_program(CommandLine& line, FigureOptions& options, NetworkOptions& /*network*/, int argc,
                        const char* const* argv, const std::function<void()>& body) {
  return run_program(line, options, argc, argv, body, [](const std::function<void()>& /*body*/) {
    const LaunchedProcess process = launched_process();
    throw InvalidArgument(diffarch::detail::concat(
        process.count, " processes were started (", process.variable, "), but the program was built without MPI and ",
        "each would train everything; build it where MPI is installed, or share the work by --levels"));
  });
}

std::optional<NetworkOptions> train_together(const FigureOptions& /*options*/, const NetworkOptions& network,
                                             const std::function<void(const NetworkOptions&)>& /*train_all*/) {
  return network;
}

}  // namespace figures
