#include "diffarch/nn/kernels/kernels.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

/// A backend that computes as the host does, but has no kernels for networks.
struct WithoutKernels : Cpu {};

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

TEST_CASE("A backend can run networks when it has kernels for them", "[nn]") {
  STATIC_REQUIRE(std::is_same_v<nn::KernelsOf<Cpu>::type, nn::DefaultKernels>);
  STATIC_REQUIRE(nn::NetworkBackend<Cpu>);
  STATIC_REQUIRE(Backend<WithoutKernels>);
  STATIC_REQUIRE_FALSE(nn::NetworkBackend<WithoutKernels>);
}

}  // namespace
}  // namespace diffarch
