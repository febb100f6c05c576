#pragma once

#include <functional>
#include <optional>

#include "common/training/network_training.hpp"

// Programs whose networks are trained by several processes: mpirun -n K PROGRAM. Needs MPI when the programs are built;
// without it (no_mpi.cpp) a program that was started several times says so.

namespace figures {

/// `run_program` for programs that train networks, started by mpirun or not. Of several processes rank 0 is the one
/// that prints and draws; a failure in any of them ends all, with one message of rank 0 and its exit status.
int run_network_program(CommandLine& line, FigureOptions& options, NetworkOptions& network, int argc,
                        const char* const* argv, const std::function<void()>& body);

/// Where mpirun has started several processes, trains all networks of a program in them together: `train_all(part)`
/// must call `trained_model` with the options `part` for each network, in the same order in every process. Levels are
/// shared, or, with warm start, whole networks. Rank 0 first opens all folders of weights, alone, and finds what is
/// wrong with the options or an earlier training. Returns the options for the rest of the program: `network` itself
/// without mpirun; on rank 0 those that take the weights that were trained; none in the other processes, which are
/// done.
[[nodiscard]] std::optional<NetworkOptions> train_together(const FigureOptions& options, const NetworkOptions& network,
                                                           const std::function<void(const NetworkOptions&)>& train_all);

}  // namespace figures
