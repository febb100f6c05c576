#pragma once

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "diffarch/io/file_status.hpp"

#if __has_include(<unistd.h>) && __has_include(<sys/stat.h>)
#define DIFFARCH_HAS_POSIX_FILES 1
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

// Functions that std::filesystem does not offer, for files that are new, on disk, or open already. Where the system is
// not POSIX, the functions do what the C++ library can.

namespace diffarch::detail {

/// The place to which bytes that are written to a path go.
struct WriteTarget {
  std::filesystem::path path = {};    ///< of the file, symbolic links followed
  bool is_stream = false;             ///< a device, FIFO or open file: cannot be replaced, is written through
  std::optional<int> open_file = {};  ///< the descriptor of this process that the path names (/dev/stdout)
};

#ifdef DIFFARCH_HAS_POSIX_FILES
/// The descriptor that a link /proc/<this process>/fd/N stands for.
[[nodiscard]] inline std::optional<int> own_descriptor(const std::filesystem::path& link) {
  std::error_code problem;
  const auto folder = std::filesystem::canonical(link.has_parent_path() ? link.parent_path() : ".", problem);
  if (problem || folder != concat("/proc/", getpid(), "/fd")) return std::nullopt;
  const std::string number = link.filename().string();
  if (number.empty() || number.size() > 6 || number.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoi(number);
}
#endif

/// Follows the symbolic links of a path; the last may lead to a file that is yet to be made. Throws FileError for links
/// in a circle.
[[nodiscard]] inline WriteTarget write_target(const std::filesystem::path& path) {
  WriteTarget target{.path = path};
  std::error_code problem;
  for (int links = 0; std::filesystem::is_symlink(target.path, problem); ++links) {
    if (links == 40) throw FileError(path.string(), "too many symbolic links");
#ifdef DIFFARCH_HAS_POSIX_FILES
    target.open_file = own_descriptor(target.path);
    if (target.open_file) {
      target.is_stream = true;
      return target;
    }
#endif
    const std::filesystem::path next = std::filesystem::read_symlink(target.path, problem);
    require_done(problem, path, "a symbolic link cannot be read");
    target.path = target.path.parent_path() / next;
  }
  const std::filesystem::file_status status = std::filesystem::status(target.path, problem);
  target.is_stream = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
                     !std::filesystem::is_directory(status);
  return target;
}

/// Opens a file that must not be there yet, for writing; null, with errno, when that fails.
[[nodiscard]] inline std::FILE* create_new_file(const std::filesystem::path& path) {
  errno = 0;
#ifdef DIFFARCH_HAS_POSIX_FILES
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  return file < 0 ? nullptr : ::fdopen(file, "wb");
#else
  return std::fopen(path.string().c_str(), "wbx");
#endif
}

/// Opens a stream target for writing; null, with errno, when that fails.
[[nodiscard]] inline std::FILE* open_stream(const WriteTarget& target) {
  errno = 0;
#ifdef DIFFARCH_HAS_POSIX_FILES
  if (target.open_file) std::fflush(stdout);  // what was printed before comes before
  const int file = target.open_file ? ::dup(*target.open_file) : ::open(target.path.c_str(), O_WRONLY | O_CLOEXEC);
  return file < 0 ? nullptr : ::fdopen(file, "wb");
#else
  return std::fopen(target.path.string().c_str(), "wb");
#endif
}

/// Waits until what was written to a file, or the names in a folder, are on the disk. Returns errno, 0 when it worked
/// or the file system does not know how.
[[nodiscard]] inline int sync_to_disk(const std::filesystem::path& path) noexcept {
#ifdef DIFFARCH_HAS_POSIX_FILES
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno == EACCES ? 0 : errno;  // a folder that may be written, but not read
  const int problem = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  return problem == EINVAL || problem == ENOTSUP || problem == EROFS ? 0 : problem;
#else
  static_cast<void>(path);
  return 0;
#endif
}

/// Gives a new file the permissions of the one that it will replace, and its owner and group as far as this process
/// may. Nothing when there is none to replace.
inline void take_over_permissions(const std::filesystem::path& file, const std::filesystem::path& replaced) noexcept {
#ifdef DIFFARCH_HAS_POSIX_FILES
  struct stat old = {};
  if (::stat(replaced.c_str(), &old) != 0) return;
  struct stat now = {};
  if (::stat(file.c_str(), &now) == 0 && (now.st_uid != old.st_uid || now.st_gid != old.st_gid) &&
      ::chown(file.c_str(), old.st_uid, old.st_gid) != 0)
    static_cast<void>(::chown(file.c_str(), static_cast<uid_t>(-1), old.st_gid) == 0);
  static_cast<void>(::chmod(file.c_str(), old.st_mode & 07777U) == 0);  // after chown, which takes set-user-ID away
#else
  static_cast<void>(file);
  static_cast<void>(replaced);
#endif
}

}  // namespace diffarch::detail
