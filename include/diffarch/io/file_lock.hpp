#pragma once

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "diffarch/io/file_system.hpp"

namespace diffarch {

/// A lock on one number of a file, which the processes of a machine, and those that share a network file system with
/// locks, hold one at a time. The system releases the lock when the object or its process ends, however it ends.
/// The file stays; it is empty and has no other meaning. Where the file system has no locks, nothing is locked.
class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~FileLock() {
#ifdef DIFFARCH_HAS_POSIX_FILES
    if (file_ >= 0) ::close(file_);
#endif
  }

  /// Takes the lock, or throws FileError at once with the message `taken` when somebody else has it. Creates the file
  /// when it is missing. Throws FileError when the file cannot be opened.
  FileLock(const std::filesystem::path& path, std::int64_t number, const std::string& taken) {
#if defined(DIFFARCH_HAS_POSIX_FILES) && defined(F_OFD_SETLK)
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file_ < 0)
      throw FileError(path.string(),
                      detail::concat("cannot be opened for a lock: ", std::generic_category().message(errno)));
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = number;
    lock.l_len = 1;
    if (::fcntl(file_, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES)) return;
    ::close(std::exchange(file_, -1));
    throw FileError(path.string(), taken);
#else
    static_cast<void>(path);
    static_cast<void>(number);
    static_cast<void>(taken);
#endif
  }

 private:
  int file_ = -1;
};

}  // namespace diffarch
