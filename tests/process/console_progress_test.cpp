#include "diffarch/process/console_progress.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "support.hpp"

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace diffarch {
namespace {

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

TEST_CASE("Console progress prints a plain line every five seconds where stderr is not a terminal", "[process]") {
  const std::string text = captured_stderr([] {
    REQUIRE_FALSE(ConsoleProgress::is_terminal());
    REQUIRE_FALSE(ConsoleProgress::use_color());
    ConsoleProgress console;
    for (Index done = 1; done <= 12; ++done) console({"fit", done, 12, static_cast<double>(done)});  // a second each
  });
  REQUIRE(text == "fit: 5/12 (5.0 s)\nfit: 10/12 (10.0 s)\nfit: 12/12 (12.0 s)\n");
}

TEST_CASE("Console progress is silent for short and empty tasks and starts afresh for another task", "[process]") {
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

TEST_CASE("Console progress tells the speed of what has a unit, the time that is left, and how it stands",
          "[process]") {
  const std::string text = captured_stderr([] {
    ConsoleProgress console;
    console({.task = "train", .done = 40, .total = 100, .seconds = 8.0, .unit = "images", .status = "loss 0.1"});
    console({.task = "train", .done = 90, .total = 100, .seconds = 16.0, .unit = "images", .done_before = 50});
    console({.task = "train", .done = 100, .total = 100, .seconds = 20.0, .unit = "images"});
  });
  REQUIRE(text ==
          "train: 40/100 images (8.0 s, 5 images/s, 12 s left), loss 0.1\n"
          "train: 90/100 images (16.0 s, 2.5 images/s, 4 s left)\n"
          "train: 100/100 images (20.0 s, 5 images/s)\n");
}
#endif

#if defined(__linux__)
TEST_CASE("On a terminal progress is one bar, redrawn in place, in colour unless NO_COLOR is set", "[process]") {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) {
    WARN("no pseudo-terminal here: the bar is not tested");
    return;
  }
  const int user_side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  REQUIRE(user_side >= 0);
  const char* const before = std::getenv("NO_COLOR");
  const std::string no_color = before != nullptr ? before : "";
  const int saved = dup(STDERR_FILENO);
  dup2(user_side, STDERR_FILENO);
  const bool is_terminal = ConsoleProgress::is_terminal();
  ConsoleProgress console;
  unsetenv("NO_COLOR");
  console({"fit", 1, 3, 0.5});
  setenv("NO_COLOR", "1", 1);
  console({"fit", 3, 3, 1.5});
  dup2(saved, STDERR_FILENO);
  close(saved);
  before != nullptr ? setenv("NO_COLOR", no_color.c_str(), 1) : unsetenv("NO_COLOR");
  fcntl(terminal, F_SETFL, O_NONBLOCK);
  std::string shown;
  std::array<char, 1000> bytes{};
  for (ssize_t count = 1; count > 0; shown.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))))
    count = read(terminal, bytes.data(), bytes.size());
  close(user_side);
  close(terminal);
  CHECK(is_terminal);
  const std::string task = "fit" + std::string(25, ' ');
  CHECK(shown == "\r\033[36m" + task + "\033[0m [##########....................] 1/3 (0.5 s)\033[K" +  //
                     "\r" + task + " [##############################] 3/3 (1.5 s)\033[K\r\n");
}
#endif

}  // namespace
}  // namespace diffarch
