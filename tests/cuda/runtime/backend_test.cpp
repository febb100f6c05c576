#include "diffarch/cuda/runtime/backend.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Cuda is a Backend with a name of its own", "[cuda]") {
  STATIC_REQUIRE(Backend<Cuda>);
  REQUIRE(Cuda::name() == "cuda");
}

TEMPLATE_TEST_CASE("A batch comes back from the device as it went, whatever its shape", "[cuda]", float, double) {
  for (const auto& [rows, columns] : {std::pair<Index, Index>{1, 1}, {3, 5}, {1000, 3}, {0, 4}, {4, 0}}) {
    const Batch<TestType> batch = test::random_matrix<TestType>(rows, columns, 1);
    REQUIRE(test::bitwise_equal(Cuda::download(Cuda::upload(batch)), batch));
  }
}

TEMPLATE_TEST_CASE("A NaN or infinity is found wherever it is", "[cuda]", float, double) {
  // Positions in the first and last chunk of the reduction, and beyond a block of threads.
  for (const Index position : {0, 255, 256, 16383, 16384, 39999})
    for (const TestType bad :
         {std::numeric_limits<TestType>::quiet_NaN(), -std::numeric_limits<TestType>::infinity()}) {
      Batch<TestType> batch = test::random_matrix<TestType>(200, 200, 2);
      REQUIRE(Cuda::all_finite(Cuda::upload(batch)));
      batch.data()[position] = bad;
      REQUIRE_FALSE(Cuda::all_finite(Cuda::upload(batch)));
    }
  REQUIRE(Cuda::all_finite(Cuda::upload(Batch<TestType>(3, 0))));
}

TEMPLATE_TEST_CASE("Noise on the device is that of the host to rounding", "[cuda]", float, double) {
  for (const Index d : {1, 2, 3, 4, 5, 30, 31}) {
    const Batch<TestType> host = Cpu::normal<TestType>(d, 17, Seed{5}, Stream{3}, 40);
    const Batch<TestType> device = Cuda::download(Cuda::normal<TestType>(d, 17, Seed{5}, Stream{3}, 40));
    REQUIRE(test::relative_difference(device, host) <= 4 * std::numeric_limits<TestType>::epsilon());
  }
}

}  // namespace
}  // namespace diffarch
