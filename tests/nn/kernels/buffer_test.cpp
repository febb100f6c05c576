#include "diffarch/nn/kernels/buffer.hpp"

#include <cstdint>
#include <limits>
#include <new>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A buffer is aligned to cache lines and keeps its memory when it shrinks", "[nn]") {
  nn::Buffer<float> buffer(100, 2.0F);
  REQUIRE(buffer.size() == 100);
  REQUIRE(buffer[99] == 2.0F);
  const float* const before = buffer.data();
  REQUIRE(reinterpret_cast<std::uintptr_t>(before) % 64 == 0);
  buffer.resize(10);
  buffer.resize(90);
  REQUIRE(buffer.data() == before);
  REQUIRE(buffer.span().size() == 90);
  nn::Buffer<float> other = std::move(buffer);
  REQUIRE(other.data() == before);
  REQUIRE(nn::Buffer<float>::aligned(17) == 32);
  REQUIRE(nn::Buffer<double>::aligned(16) == 16);
}

// The sanitizers end a program that asks for more memory than there can be.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool watched_memory = true;
#elif defined(__has_feature)
constexpr bool watched_memory = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool watched_memory = false;
#endif

TEST_CASE("A buffer that could not grow is empty, and byte counts do not wrap", "[nn]") {
  nn::Buffer<double> buffer(16);
  std::vector<Index> sizes{std::numeric_limits<Index>::max(), (Index{1} << 61) + 1};
  if (!watched_memory) sizes.push_back(Index{1} << 58);
  for (const Index size : sizes) {
    CAPTURE(size);
    CHECK_THROWS_AS(buffer.resize(size), std::bad_alloc);
    CHECK(buffer.size() == 0);
    CHECK(buffer.data() == nullptr);
  }
  buffer.resize(8);
  REQUIRE(buffer.data() != nullptr);
  CHECK(buffer.size() == 8);
  buffer[7] = 1.0;
}

}  // namespace
}  // namespace diffarch
