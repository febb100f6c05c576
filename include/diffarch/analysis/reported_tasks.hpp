#pragma once

#include <algorithm>

#include "diffarch/core/parallel.hpp"
#include "diffarch/core/progress.hpp"

namespace diffarch::detail {

/// Runs body(i) for i in [0, count) as parallel_for does, and reports every fiftieth part that is done from the calling
/// thread. `work`: operations of one task, see parallel_for.
template <class Body>
void run_reported_tasks(Index count, Index work, ProgressReporter& progress, const Body& body) {
  const Index part = std::max<Index>(1, (count + 49) / 50);
  for (Index first = 0; first < count; first += part) {
    const Index size = std::min(part, count - first);
    parallel_for(size, work, [&](Index i) { body(first + i); });
    progress.advance(size);
  }
}

}  // namespace diffarch::detail
