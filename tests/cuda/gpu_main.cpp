// The main of the tests on a real device: without one they are skipped, with a message.

#define CATCH_CONFIG_RUNNER
#include <cstdio>

#include "catch.hpp"
#include "diffarch/cuda/runtime/context.hpp"

int main(int argc, char* argv[]) {
  try {
    static_cast<void>(diffarch::cuda::Context::current());
  } catch (const diffarch::CudaError& error) {
    std::printf("SKIPPED: no test was run on a GPU: %s\n", error.what());
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
