#include "diffarch/core/progress.hpp"

#include <stdexcept>
#include <vector>

#include "support.hpp"

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

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

#if __has_include(<unistd.h>)
/// What `body` writes to stderr, which is a file meanwhile and so not a terminal.
template <class Body>
std::string captured_stderr(const Body& body) {
  std::FILE* const file = std::tmpfile();
  REQUIRE(file != nullptr);
  std::fflush(stderr);
  const int saved = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  body();
  std::fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

TEST_CASE("Console progress prints a plain line every five seconds where stderr is not a terminal", "[core]") {
  const std::string text = captured_stderr([] {
    REQUIRE_FALSE(ConsoleProgress::is_terminal());
    REQUIRE_FALSE(ConsoleProgress::use_color());
    ConsoleProgress console;
    for (Index done = 1; done <= 12; ++done) console({"fit", done, 12, static_cast<double>(done)});  // a second each
  });
  REQUIRE(text == "fit: 5/12 (5.0 s)\nfit: 10/12 (10.0 s)\nfit: 12/12 (12.0 s)\n");
}

TEST_CASE("Console progress is silent for short and empty tasks and starts afresh for another task", "[core]") {
  const std::string text = captured_stderr([] {
    ConsoleProgress console;
    console({"fit", 1, 2, 1.0});
    console({"fit", 2, 2, 4.9});
    console({"sample", 1, 2, 6.0});
    console({"sample", 1, 2, 7.0});
    console({"decode", 1, 2, 8.0});
    console({"nothing", 0, 0, 9.0});
  });
  REQUIRE(text == "sample: 1/2 (6.0 s)\ndecode: 1/2 (8.0 s)\n");
}
#endif

}  // namespace
}  // namespace diffarch
