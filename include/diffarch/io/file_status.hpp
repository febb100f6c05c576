#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "diffarch/core/error.hpp"

// Questions to the file system whose failures are FileErrors: std::filesystem throws an exception of its own.

namespace diffarch::detail {

/// Throws FileError with the system's reason for what cannot be done with the path.
inline void require_done(const std::error_code& problem, const std::filesystem::path& path, const char* what) {
  if (problem) throw FileError(path.string(), concat(what, ": ", problem.message()));
}

/// Kind of the file that the path leads to, symbolic links followed; `not_found` where there is none.
/// Throws FileError when the system cannot tell: a folder that may not be searched, a name that is too long.
[[nodiscard]] inline std::filesystem::file_type file_type(const std::filesystem::path& path) {
  std::error_code problem;
  const std::filesystem::file_status status = std::filesystem::status(path, problem);
  if (status.type() == std::filesystem::file_type::none) require_done(problem, path, "cannot be examined");
  return status.type();
}

/// Whether there is a file or folder. Throws FileError as `file_type` does.
[[nodiscard]] inline bool path_exists(const std::filesystem::path& path) {
  return file_type(path) != std::filesystem::file_type::not_found;
}

/// Whether there is a folder. Throws FileError as `file_type` does.
[[nodiscard]] inline bool is_folder(const std::filesystem::path& path) {
  return file_type(path) == std::filesystem::file_type::directory;
}

/// Removes a file; there may be none. Throws FileError.
inline void remove_file(const std::filesystem::path& path) {
  std::error_code problem;
  std::filesystem::remove(path, problem);
  require_done(problem, path, "cannot be removed");
}

/// The path from the root. Throws FileError where the current folder has been removed.
[[nodiscard]] inline std::filesystem::path absolute_path(const std::filesystem::path& path) {
  std::error_code problem;
  std::filesystem::path absolute = std::filesystem::absolute(path, problem);
  require_done(problem, path, "lies in a current folder that cannot be found");
  return absolute;
}

/// Creates a folder and its parents; it may be there. Throws FileError.
inline void create_folders(const std::filesystem::path& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  require_done(problem, folder, "cannot create the folder");
}

/// The files and folders in a folder, in the system's order. Throws FileError.
[[nodiscard]] inline std::vector<std::filesystem::path> folder_entries(const std::filesystem::path& folder) {
  std::error_code problem;
  std::vector<std::filesystem::path> entries;
  std::filesystem::directory_iterator entry(folder, problem);
  for (; !problem && entry != std::filesystem::directory_iterator(); entry.increment(problem))
    entries.push_back(entry->path());
  require_done(problem, folder, "cannot be listed");
  return entries;
}

}  // namespace diffarch::detail
