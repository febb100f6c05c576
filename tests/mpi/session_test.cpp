#include "diffarch/mpi/session.hpp"

#include "mpi/ranks.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("A session knows the processes that mpirun has started", "[mpi]") {
  const LaunchedProcess process = launched_process();
  REQUIRE(process.count > 1);
  CHECK(session().size() == process.count);
  CHECK(session().rank() == process.rank);
  // All of them are on this machine. What MPI says goes before the environment.
  CHECK(session().local_rank() == process.rank);
  CHECK(process.local_rank == process.rank);
  CHECK_FALSE(session().is_finalized());
}

TEST_CASE("A program has one session", "[mpi]") {
  (void)session();
  CHECK(message_of<Error>([] { const mpi::Session second; }).find("in use already") != std::string::npos);
}
