#pragma once

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <system_error>

#include "diffarch/core/error.hpp"

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#endif

// What a program that may run for hours does with its standard streams.

namespace figures {

/// Opens a standard stream that the caller has closed (>&-) on /dev/null, or the first file that is written would get
/// its number, and what is printed. A reader that has ended (| head) does not end the program: `require_printed` tells.
inline void keep_standard_streams_open() {
#if __has_include(<unistd.h>)
  for (const int stream : {0, 1, 2})
    if (::fcntl(stream, F_GETFD) == -1 && ::open("/dev/null", stream == 0 ? O_RDONLY : O_WRONLY) != stream) return;
  std::signal(SIGPIPE, SIG_IGN);
#endif
}

/// Throws FileError when something of what was printed was lost: a full disk, a reader that has ended.
inline void require_printed() {
  const bool had_failed = std::ferror(stdout) != 0 || !std::cout;
  errno = 0;
  const bool failed = std::fflush(stdout) != 0 || !std::cout.flush() || had_failed;
  if (!failed) return;
  const int cause = errno != 0 ? errno : EIO;
  throw diffarch::FileError("standard output", "cannot be written: " + std::generic_category().message(cause) +
                                                   "; all files of the results are complete");
}

}  // namespace figures
