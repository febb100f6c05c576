#include "diffarch/nn/buffer.hpp"

#include <cstdint>

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

}  // namespace
}  // namespace diffarch
