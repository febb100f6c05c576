#include "diffarch/nn/kernels/kernel_family.hpp"

#include "diffarch/nn/kernels/kernels.hpp"
#include "support.hpp"

namespace diffarch::nn {
namespace {

struct WithoutName : EigenKernels {
  static void name() = delete;
};
struct WithoutActivations : EigenKernels {
  static void tanh() = delete;
};
struct WithoutPixels : EigenKernels {
  static void average_pool_backward() = delete;
};
struct WithoutTraining : EigenKernels {
  static void adam_update() = delete;
};
struct WithoutMemory : EigenKernels {
  static void copy_to_host() = delete;
};
struct WithoutPasses : EigenKernels {
  struct Recording {};
};
struct WithoutLayers : EigenKernels {
  template <class Scalar>
  struct Convolution {};
};
struct OnlyFloat : EigenKernels {
  static void tanh_backward(const float*, const float*, float*, Index) {}
};

TEST_CASE("The concept of a family of kernels asks for every section of its vocabulary, in both scalars", "[nn]") {
  STATIC_REQUIRE(KernelFamily<EigenKernels>);
  STATIC_REQUIRE(KernelFamily<DefaultKernels>);
  STATIC_REQUIRE_FALSE(KernelFamily<HostKernels>);  // has no products
  STATIC_REQUIRE_FALSE(KernelFamily<WithoutName>);
  STATIC_REQUIRE_FALSE(KernelFamily<WithoutActivations>);
  STATIC_REQUIRE_FALSE(KernelFamily<WithoutPixels>);
  STATIC_REQUIRE_FALSE(KernelFamily<WithoutTraining>);
  STATIC_REQUIRE_FALSE(KernelFamily<WithoutMemory>);
  STATIC_REQUIRE_FALSE(KernelFamily<WithoutPasses>);
  STATIC_REQUIRE_FALSE(KernelFamily<WithoutLayers>);
  STATIC_REQUIRE_FALSE(KernelFamily<OnlyFloat>);
  STATIC_REQUIRE_FALSE(KernelFamily<Cpu>);
}

}  // namespace
}  // namespace diffarch::nn
