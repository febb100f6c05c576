#include <cstdio>
#include <exception>

#include "common/training/shared_training.hpp"
#include "diffarch/mpi/work_queue.hpp"

namespace figures {

using namespace diffarch;

/// The processes of mpirun.
struct Ranks {
  mpi::Session session;
  mpi::WorkQueue queue{session};
};

namespace {

/// Prints why all ranks end: the exception that is handled or, where it only stopped this rank, another one's failure.
int report_failure(const Ranks& ranks, const std::string& program) {
  if (!ranks.queue.failure() || StopSignals::received() != 0) return report_exception(program);
  try {
    throw Error(*ranks.queue.failure());
  } catch (const Error&) {
    return report_exception(program);
  }
}

/// Says that some ranks will have nothing to do.
void report_idle_ranks(const Ranks& ranks, Index pieces, const FigureOptions& options, const NetworkOptions& network) {
  if (ranks.session.size() <= pieces) return;
  const bool shares_levels = !network.training.warm_start && network.training.levels == LevelSharing::per_level;
  std::fprintf(stderr, "%s: %d processes, but only %ld %s to share%s\n", options.program.c_str(), ranks.session.size(),
               static_cast<long>(pieces), shares_levels ? "levels" : "networks",
               network.training.warm_start ? " with warm start; --no-warm-start shares their levels" : "");
}

/// A training whose description rank 0 has made.
TrainingRun require_shared_folder(TrainingRun run) {
  const auto description = nn::detail::description_file(run.folder);
  if (!diffarch::detail::path_exists(description))
    throw FileError(description.string(), "made by rank 0, is not there; expected a folder that all processes share");
  return run;
}

}  // namespace

int run_network_program(CommandLine& line, FigureOptions& options, NetworkOptions& network, int argc,
                        const char* const* argv, const std::function<void()>& body) {
  return run_program(line, options, argc, argv, body, [&](const std::function<void()>& checked_body) {
    Ranks ranks;
    network.ranks = &ranks;
    try {
      if (ranks.session.rank() != 0 && std::freopen("/dev/null", "w", stdout) == nullptr)
        throw FileError("/dev/null", "cannot be opened");
      checked_body();
    } catch (const std::exception& error) {
      if (ranks.session.is_finalized()) throw;  // only rank 0 is left
      if (ranks.session.rank() != 0) ranks.queue.fail(error.what());
      mpi::Session::abort(report_failure(ranks, options.program));
    }
  });
}

std::optional<NetworkOptions> train_together(const FigureOptions& options, const NetworkOptions& network,
                                             const std::function<void(const NetworkOptions&)>& train_all) {
  if (network.ranks == nullptr) return network;
  Ranks& ranks = *network.ranks;
  const bool speaks = ranks.session.rank() == 0;
  NetworkOptions after = network;
  if (network.weights.empty()) {
    NetworkOptions part = network;
    part.train_only = true;
    part.is_quiet = !speaks;
    if (speaks) {
      Index pieces = 0;
      part.share = [&pieces](TrainingRun run) {
        run.claim = [&pieces](Index /*level*/) { return ++pieces < 0; };
        return run;
      };
      train_all(part);
      report_idle_ranks(ranks, pieces, options, network);
    }
    ranks.queue.wait();
    part.resume = true;
    part.share = [&ranks](TrainingRun run) { return ranks.queue.share(require_shared_folder(std::move(run))); };
    train_all(part);
    ranks.queue.wait();
    after.weights = options.out / "weights";
  }
  ranks.session.finalize();
  if (!speaks) return std::nullopt;
  return after;
}

}  // namespace figures
