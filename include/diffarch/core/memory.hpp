#pragma once

#if defined(__linux__) && __has_include(<malloc.h>)
#include <malloc.h>
#endif

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/error.hpp"

namespace diffarch {

/// The most bytes that this process can have: the machine's memory, or the limit on the process's address space
/// (`ulimit -v`) if that is less. Infinity where the system does not say.
[[nodiscard]] inline double usable_memory() noexcept {
  double bytes = std::numeric_limits<double>::infinity();
#if defined(__unix__) || defined(__APPLE__)
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_size = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_size > 0) bytes = static_cast<double>(pages) * static_cast<double>(page_size);
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    bytes = std::min(bytes, static_cast<double>(limit.rlim_cur));
#endif
  return bytes;
}

namespace detail {

/// Throws OutOfMemory, before anything is allocated, when an array of `rows` x `columns` numbers of this type does not
/// fit into `usable_memory`: a system that promises more memory than it has would otherwise end the program later,
/// without a word. `what` is to be stored there.
template <class Number, class... Parts>
void require_memory(Index rows, Index columns, const Parts&... what) {
  const double bytes = static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(sizeof(Number));
  const double usable = usable_memory();
  constexpr double gibibyte = 1024.0 * 1024.0 * 1024.0;
  require<OutOfMemory>(bytes <= usable, what..., ": ", rows, " x ", columns, " numbers need ", bytes / gibibyte,
                       " GiB, but this process can have ", usable / gibibyte, " GiB");
}

/// Calls `compute` and returns its result. Throws OutOfMemory when an allocation in it fails, or when it asks for an
/// array that no memory can hold (std::bad_alloc, std::length_error). The message begins with `what`, the name of the
/// result.
template <class Compute, class... Parts>
decltype(auto) with_memory_for(const Compute& compute, const Parts&... what) {
  const auto fail = [&](const char* reason) {
    constexpr double gibibyte = 1024.0 * 1024.0 * 1024.0;
    throw OutOfMemory(concat(what..., ": the memory does not suffice (", reason, "); this process can have ",
                             usable_memory() / gibibyte, " GiB"));
  };
  try {
    return compute();
  } catch (const std::bad_alloc& error) {
    fail(error.what());
    throw;
  } catch (const std::length_error& error) {
    fail(error.what());
    throw;
  }
}

}  // namespace detail

/// Tells the C library to keep memory that was freed for the next allocation, instead of returning large blocks to the
/// system at once and having every page of the next one faulted in again. Call it at the start of a program that fits
/// many noise levels: on a virtual machine it made the fits of random features three times as fast. It concerns the
/// whole process, so the library does not call it for you. Does nothing where the C library is not glibc.
inline void keep_freed_memory() noexcept {
#if defined(__GLIBC__)
  constexpr int two_gigabytes = 0x7FFFFFFF;
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, two_gigabytes);
#endif
}

}  // namespace diffarch
