// One program for all readers, as instrumenting what they share takes long: the name it is called by, fuzz_<reader>,
// says which one it feeds.

#include <cstdio>

#include "fuzz/fuzzed_file.hpp"

namespace {

diffarch::test::Fuzz chosen_reader = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** argv) {
  const std::string program = std::filesystem::path((*argv)[0]).filename().string();
  for (const auto& [name, fuzz] : diffarch::test::fuzzed_readers())
    if (program == "fuzz_" + name) chosen_reader = fuzz;
  if (chosen_reader != nullptr) return 0;
  std::fprintf(stderr, "%s: no reader of this name; expected to be called by one of", program.c_str());
  for (const auto& [name, fuzz] : diffarch::test::fuzzed_readers()) std::fprintf(stderr, " fuzz_%s", name.c_str());
  std::fprintf(stderr, "\n");
  std::exit(1);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  chosen_reader(bytes, size);
  return 0;
}
