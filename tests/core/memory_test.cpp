#include "diffarch/core/memory.hpp"

#include <cstdint>
#include <vector>

#include "support.hpp"

TEST_CASE("Freed blocks are given out again", "[core]") {
  diffarch::keep_freed_memory();
  const auto address_of_block = [] {
    const std::vector<double> block(std::size_t{1} << 22U);  // 32 MiB: beyond every threshold of the default
    return reinterpret_cast<std::uintptr_t>(block.data());
  };
  const std::uintptr_t first = address_of_block();
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
  CHECK(address_of_block() == first);
#else
  CHECK(first != 0);
#endif
}
