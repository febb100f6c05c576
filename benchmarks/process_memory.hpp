#pragma once

#include <fstream>
#include <string>

/// A field of /proc/self/status in kilobytes (Linux): VmRSS, the memory in use, or VmHWM, the most so far of this
/// program alone (getrusage also counts that of the process it was started from). 0 where there is none.
inline double status_kilobytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  std::string word;
  double value = 0.0;
  while (status >> word)
    if (word == field + ":") status >> value;
  return value;
}
