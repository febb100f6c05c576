#include "diffarch/core/progress.hpp"

#include <stdexcept>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A reporter counts units and reports each to its callback", "[core]") {
  std::vector<Progress> reports;
  const ProgressCallback callback = [&](const Progress& progress) { reports.push_back(progress); };
  ProgressReporter reporter(callback, "train", 5);
  reporter.advance();
  reporter.advance(3);
  reporter.advance();
  REQUIRE(reports.size() == 3);
  REQUIRE(reports[0].task == "train");
  REQUIRE(reports[0].done == 1);
  REQUIRE(reports[1].done == 4);
  REQUIRE(reports[2].done == 5);
  REQUIRE(reports[2].total == 5);
  REQUIRE(reports[0].seconds >= 0.0);
  REQUIRE(reports[2].seconds >= reports[0].seconds);
}

TEST_CASE("A reporter without a callback does nothing, and what a callback throws stops the work", "[core]") {
  const ProgressCallback empty;
  REQUIRE_NOTHROW(ProgressReporter(empty, "quiet", 1).advance());
  const ProgressCallback cancel = [](const Progress&) { throw std::runtime_error("cancelled"); };
  REQUIRE_THROWS_WITH(ProgressReporter(cancel, "stopped", 1).advance(), "cancelled");
}

}  // namespace
}  // namespace diffarch
