#pragma once

#include "diffarch/mpi/session.hpp"

namespace diffarch::test {

/// The one session of this program, started by mpirun in several processes, all of which run all its tests.
inline mpi::Session& session() {
  static mpi::Session session;
  return session;
}

}  // namespace diffarch::test
