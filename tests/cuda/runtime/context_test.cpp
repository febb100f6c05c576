#include "diffarch/cuda/runtime/context.hpp"

#include <thread>
#include <vector>

#include "diffarch/cuda/runtime/launch.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("There is one context, with a stream and the handles of the libraries", "[cuda]") {
  const cuda::Context& context = cuda::Context::current();
  REQUIRE(&context == &cuda::Context::current());
  REQUIRE(context.stream() != nullptr);
  REQUIRE(context.blas() != nullptr);
  REQUIRE(context.solver() != nullptr);
  REQUIRE_NOTHROW(context.synchronize());
  int device = -1;
  REQUIRE(cudaGetDevice(&device) == cudaSuccess);
  REQUIRE(context.device() == device);
}

TEST_CASE("A thread that asks for the context works on its device", "[cuda]") {
  const int device = cuda::Context::current().device();
  int of_the_thread = -1;
  std::thread([&] {
    static_cast<void>(cuda::Context::current());
    cudaGetDevice(&of_the_thread);
  }).join();
  REQUIRE(of_the_thread == device);
}

#ifdef DIFFARCH_EMULATED_DEVICE
TEST_CASE("Work is done when the stream is waited for, in order", "[cuda]") {
  const cuda::Context& context = cuda::Context::current();
  std::vector<int> done;
  emulated_device::enqueue(context.stream(), [&] { done.push_back(1); });
  emulated_device::enqueue(context.stream(), [&] { done.push_back(2); });
  REQUIRE(done.empty());
  context.synchronize();
  REQUIRE(done == std::vector<int>{1, 2});
}
#endif

}  // namespace
}  // namespace diffarch
