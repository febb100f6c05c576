#include "diffarch/io/file_lock.hpp"

#include <csignal>

#include "catch.hpp"
#include "temporary_folder.hpp"

#if __has_include(<sys/wait.h>)
#include <sys/wait.h>
#endif

using namespace diffarch;
using diffarch::test::TemporaryFolder;

TEST_CASE("A number of a file is locked once at a time, and free when the lock ends", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder / "lock";
  {
    const FileLock first(path, 3, "is taken");
    REQUIRE_THROWS_WITH(FileLock(path, 3, "is taken"), ContainsSubstring("lock: is taken"));
    const FileLock other(path, 4, "is taken");
  }
  FileLock lock(path, 3, "is taken");
  lock = FileLock();
  const FileLock again(path, 3, "is taken");
  REQUIRE_THROWS_AS(FileLock(folder / "nowhere/lock", 0, ""), FileError);
}

#ifdef DIFFARCH_HAS_POSIX_FILES
TEST_CASE("The lock of a process that was killed is free", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder / "lock";
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const FileLock lock(path, 0, "is taken");
    (void)!write(ready[1], "x", 1);
    for (;;) pause();
  }
  char byte = 0;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  REQUIRE_THROWS_AS(FileLock(path, 0, "is taken"), FileError);
  kill(child, SIGKILL);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  REQUIRE_NOTHROW(FileLock(path, 0, "is taken"));
  close(ready[0]);
  close(ready[1]);
}
#endif
