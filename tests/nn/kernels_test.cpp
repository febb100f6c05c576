#include "diffarch/nn/kernels.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("The default kernels are oneDNN's when the program links it, else Eigen's", "[nn]") {
#ifdef DIFFARCH_HAS_ONEDNN
  REQUIRE_THAT(nn::DefaultKernels::name(), ContainsSubstring("oneDNN"));
#ifdef DIFFARCH_BF16
  REQUIRE_THAT(nn::DefaultKernels::name(), ContainsSubstring("bf16"));
#else
  REQUIRE_THAT(nn::DefaultKernels::name(), !ContainsSubstring("bf16"));
#endif
#else
  REQUIRE(nn::DefaultKernels::name() == "Eigen");
#endif
}

}  // namespace
}  // namespace diffarch
