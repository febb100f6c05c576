#include "diffarch/analysis/reported_tasks.hpp"

#include <atomic>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Every task runs once, and the reports add up to all of them", "[analysis]") {
  for (const Index count : {0, 1, 49, 50, 51, 1234}) {
    CAPTURE(count);
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
    std::vector<Index> done;
    const ProgressCallback note = [&](const Progress& progress) { done.push_back(progress.done); };
    ProgressReporter progress(note, "tasks", count);
    detail::run_reported_tasks(count, 1000, progress, [&](Index i) { ++runs[static_cast<std::size_t>(i)]; });
    for (const auto& run : runs) CHECK(run == 1);
    CHECK(done.size() <= 50);
    CHECK((count == 0 ? done.empty() : done.back() == count));
  }
}

TEST_CASE("A callback that throws stops the tasks", "[analysis]") {
  std::atomic<Index> runs{0};
  const ProgressCallback stop = [](const Progress& /*progress*/) { throw Interrupted("enough"); };
  ProgressReporter progress(stop, "tasks", 100);
  CHECK_THROWS_AS(detail::run_reported_tasks(100, 1, progress, [&](Index /*i*/) { ++runs; }), Interrupted);
  CHECK(runs == 2);
}

}  // namespace
}  // namespace diffarch
