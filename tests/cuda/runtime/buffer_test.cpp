#include "diffarch/cuda/runtime/buffer.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("A device buffer keeps its memory when it shrinks, and moves", "[cuda]") {
  cuda::DeviceBuffer<float> buffer(101, 2.0F);
  REQUIRE(buffer.size() == 101);
  std::vector<float> host(101);
  cuda::DeviceArray<float>::copy_values_to_host(host.data(), buffer.data(), 101);
  CHECK(host == std::vector<float>(101, 2.0F));
  const float* const before = buffer.data();
  buffer.resize(10);
  buffer.resize(90);
  CHECK(buffer.data() == before);
  CHECK(buffer.span().size() == 90);
  cuda::DeviceBuffer<float> other = std::move(buffer);
  CHECK(other.data() == before);
  CHECK(other.size() == 90);
  other.resize(1000);
  CHECK(other.size() == 1000);
  other = {};
  CHECK(other.data() == nullptr);
  CHECK(cuda::DeviceBuffer<float>().size() == 0);
}

TEST_CASE("Offsets within a device buffer are multiples of 256 bytes", "[cuda]") {
  CHECK(cuda::DeviceBuffer<float>::aligned(0) == 0);
  CHECK(cuda::DeviceBuffer<float>::aligned(1) == 64);
  CHECK(cuda::DeviceBuffer<float>::aligned(65) == 128);
  CHECK(cuda::DeviceBuffer<double>::aligned(32) == 32);
}

}  // namespace
}  // namespace diffarch
