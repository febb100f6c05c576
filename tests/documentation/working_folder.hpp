#pragma once

#include <filesystem>

#include "temporary_folder.hpp"

namespace diffarch::test {

/// An empty folder that is the working folder until the end of the scope: code of the documentation names files as its
/// readers would.
class WorkingFolder {
 public:
  WorkingFolder() : before_(std::filesystem::current_path()) { std::filesystem::current_path(folder_.path()); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;
  ~WorkingFolder() {
    std::error_code ignored;
    std::filesystem::current_path(before_, ignored);
  }

 private:
  TemporaryFolder folder_;
  std::filesystem::path before_;
};

}  // namespace diffarch::test
