#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "diffarch/core/error.hpp"

namespace diffarch::test {

/// A file in memory (memfd_create, Linux) that holds `size` bytes, by a path that readers can open.
class FuzzedFile {
 public:
  FuzzedFile(const std::uint8_t* bytes, std::size_t size) : descriptor_(memfd_create("fuzzed", 0)) {
    if (descriptor_ < 0) std::abort();
    for (std::size_t written = 0; written < size;) {
      const ssize_t count = write(descriptor_, bytes + written, size - written);
      if (count <= 0) std::abort();
      written += static_cast<std::size_t>(count);
    }
  }
  ~FuzzedFile() { close(descriptor_); }
  FuzzedFile(const FuzzedFile&) = delete;
  FuzzedFile& operator=(const FuzzedFile&) = delete;

  [[nodiscard]] std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// Calls read(path) for a file of these bytes. Whatever they are, it may refuse them with an `Error` that has a
/// message; any other exception, and what the sanitizers see, ends the program.
template <class Read>
void read_fuzzed(const std::uint8_t* bytes, std::size_t size, const Read& read) {
  const FuzzedFile file(bytes, size);
  try {
    read(file.path());
  } catch (const Error& error) {
    if (std::string(error.what()).empty()) std::abort();
  }
}

/// Feeds a reader with the bytes of one input.
using Fuzz = void (*)(const std::uint8_t* bytes, std::size_t size);

/// All readers of this program, by name.
inline std::map<std::string, Fuzz>& fuzzed_readers() {
  static std::map<std::string, Fuzz> readers;
  return readers;
}

/// Adds a reader, before main.
struct FuzzedReader {
  FuzzedReader(const std::string& name, Fuzz fuzz) { fuzzed_readers().emplace(name, fuzz); }
};

}  // namespace diffarch::test
