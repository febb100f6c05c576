#include "diffarch/core/finite_math.hpp"

#include <limits>

#include "diffarch/core/backend.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

// Where it does not, the header does not compile: see compile_fail/fast_math.cpp.
TEST_CASE("The compiler keeps the checks for numbers that are not finite", "[core]") {
  volatile float zero = 0.0F;
  const Batch<float> nan = Batch<float>::Constant(2, 3, zero / zero);
  const Batch<float> infinite = Batch<float>::Constant(2, 3, 1.0F / zero);
  REQUIRE_FALSE(Cpu::all_finite(nan));
  REQUIRE_FALSE(Cpu::all_finite(infinite));
  REQUIRE(Cpu::all_finite(Batch<float>(Batch<float>::Constant(2, 3, std::numeric_limits<float>::max()))));
}

}  // namespace
}  // namespace diffarch
