#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "diffarch/core/error.hpp"

namespace diffarch {

/// A file in the making: it is written under a temporary name in the folder of its final name and appears under the
/// final name, complete, when `commit` renames it. Destroyed without `commit`, it leaves nothing behind.
/// A reader of `path` therefore sees the old content or the new one, never a part. A symbolic link at `path` is
/// replaced, not followed.
class AtomicFile {
 public:
  /// Creates the missing parent folders of `path` and picks the temporary name; opens nothing yet.
  /// Throws FileError when `path` names no file, names a folder, or its folder cannot be created.
  explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
    if (!path_.has_filename() || path_.filename() == "." || path_.filename() == "..")
      throw FileError(path_.string(), "expected the name of a file to write");
    std::error_code status_problem;
    if (std::filesystem::is_directory(path_, status_problem))
      throw FileError(path_.string(), "is a folder; expected the name of a file to write");
    if (path_.has_parent_path()) {
      std::error_code problem;
      std::filesystem::create_directories(path_.parent_path(), problem);
      if (problem)
        throw FileError(path_.string(), detail::concat("cannot create the folder ", path_.parent_path().string(), ": ",
                                                       problem.message()));
    }
    temporary_ = path_;
    temporary_ += "." + random_suffix() + ".tmp";
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    file_.reset();
    std::error_code ignored;
    if (!committed_) std::filesystem::remove(temporary_, ignored);
  }

  /// Final name of the file.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Name to write under until `commit`, for writers that want a name (another program, say) rather than `write`.
  [[nodiscard]] const std::filesystem::path& temporary() const noexcept { return temporary_; }

  /// Appends bytes. Throws FileError with the system's reason when they cannot be written.
  void write(std::span<const std::byte> bytes) {
    if (!file_) {
      errno = 0;
      file_.reset(std::fopen(temporary_.string().c_str(), "wb"));
      if (!file_) fail("cannot create a file in its folder", errno);
    }
    errno = 0;
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size())
      fail("cannot write", errno);
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Hands what was written to the system and closes the temporary file, so that another program can read it under
  /// `temporary()`; nothing may be written after it. Throws FileError.
  void close() {
    errno = 0;
    if (file_ && std::fclose(file_.release()) != 0) fail("cannot write", errno);
  }

  /// Gives the temporary file its final name, replacing what was there. Throws FileError when that fails; the old
  /// content is then still in place.
  void commit() {
    close();
    std::error_code problem;
    std::filesystem::rename(temporary_, path_, problem);
    if (problem) fail("cannot rename the temporary file", problem.value());
    committed_ = true;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  [[nodiscard]] static std::string random_suffix() {
    constexpr std::string_view digits = "0123456789abcdef";
    std::random_device entropy;
    std::string suffix;
    for (int word = 0; word < 2; ++word) {
      std::uint32_t bits = entropy();
      for (int digit = 0; digit < 8; ++digit, bits >>= 4U) suffix += digits[bits & 15U];
    }
    return suffix;
  }

  [[noreturn]] void fail(std::string_view action, int cause) const {
    throw FileError(path_.string(), detail::concat(action, ": ", std::generic_category().message(cause)));
  }

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::unique_ptr<std::FILE, Close> file_;
  bool committed_ = false;
};

/// Writes a whole file at once, creating its parent folders; an existing file is replaced only when all bytes are
/// written. Throws FileError with the cause, leaving an existing file as it was and no temporary file.
inline void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

/// The same for text, written byte for byte.
inline void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace diffarch
