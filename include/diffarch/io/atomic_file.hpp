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
#include <vector>

#include "diffarch/io/file_system.hpp"

namespace diffarch {

/// A file in the making: its content is written under a temporary name in the folder of its final name and appears
/// under the final name, complete and on the disk, when `commit` renames it. Destroyed without `commit`, the object
/// leaves nothing behind. A reader of `path` therefore sees the old content or the new one, never a part, even after a
/// power cut. Several processes may write the same path: the last one to commit wins.
/// A symbolic link at `path` stays, and the file it leads to is replaced. The new file has the permissions of the one
/// it replaces, and its owner and group where the process may give them. Other hard links keep the old content. A
/// device, a FIFO or an open file (/dev/null, /dev/stdout) is not replaced: `commit` writes the content through it.
class AtomicFile {
 public:
  /// Creates the missing parent folders of `path` and picks the temporary name; opens nothing yet.
  /// Throws FileError when `path` names no file, names a folder, or its folder cannot be created.
  explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
    if (!path_.has_filename() || path_.filename() == "." || path_.filename() == "..")
      throw FileError(path_.string(), "expected the name of a file to write");
    target_ = detail::write_target(path_);
    std::error_code problem;
    if (std::filesystem::is_directory(target_.path, problem))
      throw FileError(path_.string(), "is a folder; expected the name of a file to write");
    if (target_.path == path_ && path_.has_parent_path()) create_parent_folders();
    if (target_.is_stream) {
      temporary_ = std::filesystem::temp_directory_path(problem) / ("diffarch." + random_suffix());
      detail::require_done(problem, path_, "needs a folder for temporary files");
    } else {
      temporary_ = target_.path.parent_path() / temporary_name(target_.path.filename().native());
    }
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    file_.reset();
    std::error_code ignored;
    if (!committed_) std::filesystem::remove(temporary_, ignored);
  }

  /// Final name of the file, as given.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Name to write under until `commit`, for writers that want a name (another program, say) rather than `write`.
  [[nodiscard]] const std::filesystem::path& temporary() const noexcept { return temporary_; }

  /// Appends bytes. Throws FileError with the system's reason when they cannot be written.
  void write(std::span<const std::byte> bytes) {
    if (!file_) {
      file_.reset(detail::create_new_file(temporary_));
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

  /// Puts the content on the disk and gives the temporary file its final name, replacing what was there; or writes the
  /// content through a device, a FIFO or an open file. Throws FileError when that fails; an old content is then still
  /// in place.
  void commit() {
    close();
    if (target_.is_stream) {
      write_through();
      return;
    }
    if (const int problem = detail::sync_to_disk(temporary_); problem != 0) fail("cannot write", problem);
    detail::take_over_permissions(temporary_, target_.path);
    std::error_code problem;
    std::filesystem::rename(temporary_, target_.path, problem);
    if (problem) fail("cannot rename the temporary file", problem.value());
    committed_ = true;
    // The new name, and the folders that were made for it.
    for (auto folder = folder_of(target_.path);; folder = folder_of(folder)) {
      if (const int cause = detail::sync_to_disk(folder); cause != 0) fail("cannot write its folder", cause);
      if (first_folder_.empty() || folder == first_folder_) break;
    }
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  using Stream = std::unique_ptr<std::FILE, Close>;

  [[nodiscard]] static std::filesystem::path folder_of(const std::filesystem::path& path) {
    return path.has_parent_path() && path.has_relative_path() ? path.parent_path() : ".";
  }

  void create_parent_folders() {
    const std::filesystem::path folder = path_.parent_path();
    std::error_code problem;
    if (std::filesystem::is_directory(folder, problem)) return;
    first_folder_ = folder_of(folder);
    while (!std::filesystem::is_directory(first_folder_, problem) && first_folder_ != ".")
      first_folder_ = folder_of(first_folder_);
    std::filesystem::create_directories(folder, problem);
    if (problem)
      throw FileError(path_.string(),
                      detail::concat("cannot create the folder ", folder.string(), ": ", problem.message()));
  }

  /// The name with a random end, but no longer than the name where that might be longer than the system allows.
  [[nodiscard]] static std::string temporary_name(const std::string& name) {
    constexpr std::size_t surely_short = 120;
    std::string end(1, '.');
    end += random_suffix();
    end += ".tmp";
    return (name.size() <= surely_short ? name : name.substr(0, name.size() - end.size())) + end;
  }

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

  void write_through() {
    const Stream content(std::fopen(temporary_.string().c_str(), "rb"));
    if (!content) fail("cannot read the temporary file", errno);
    Stream stream(detail::open_stream(target_));
    if (!stream) fail("cannot be opened for writing", errno);
    std::vector<char> buffer(std::size_t{1} << 16U);
    for (std::size_t count = 0; (count = std::fread(buffer.data(), 1, buffer.size(), content.get())) > 0;) {
      errno = 0;
      if (std::fwrite(buffer.data(), 1, count, stream.get()) != count) fail("cannot write", errno);
    }
    if (std::ferror(content.get()) != 0) fail("cannot read the temporary file", EIO);
    errno = 0;
    if (std::fclose(stream.release()) != 0) fail("cannot write", errno);
  }

  [[noreturn]] void fail(std::string_view action, int cause) const {
    throw FileError(path_.string(), detail::concat(action, ": ", std::generic_category().message(cause)));
  }

  std::filesystem::path path_;
  detail::WriteTarget target_;
  std::filesystem::path first_folder_;  ///< above the folders that were made; empty when none was
  std::filesystem::path temporary_;
  Stream file_;
  bool committed_ = false;
};

/// Writes a whole file at once, creating its parent folders; an existing file is replaced only when all bytes are
/// written. Throws FileError with the cause, leaving an existing file as it was and no temporary file.
inline void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

/// Overload for text, which is written byte for byte.
inline void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace diffarch
