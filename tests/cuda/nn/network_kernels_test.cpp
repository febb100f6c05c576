#include "diffarch/cuda/nn/network_kernels.hpp"

#include "diffarch/denoiser/conv_unet.hpp"
#include "nn/gradient_check.hpp"
#include "nn/tested_networks.hpp"

namespace diffarch {
namespace {

TEST_CASE("Networks on the device take its kernels", "[cuda]") {
  STATIC_REQUIRE(nn::NetworkBackend<Cuda>);
  STATIC_REQUIRE(std::is_same_v<nn::KernelsOf<Cuda>::type, CudaKernels>);
  STATIC_REQUIRE(FittableArchitecture<ConvUNet<2>, Cuda, float>);
  CHECK_THAT(CudaKernels::name(), ContainsSubstring("CUDA"));
}

TEST_CASE("Copies between host and device and within it move every number of every type", "[cuda]") {
  const std::vector<Index> numbers{7, -1, Index{1} << 40, 0};
  cuda::DeviceBuffer<Index> memory(4, Index{5});
  CudaKernels::copy_from_host(numbers.data(), 3, memory.data());
  cuda::DeviceBuffer<Index> other(4, Index{9});
  CudaKernels::copy(memory.data() + 1, 3, other.data());
  std::vector<Index> back(4);
  CudaKernels::copy_to_host(other.data(), 4, back.data());
  CHECK(back == std::vector<Index>{-1, Index{1} << 40, 5, 9});
  CudaKernels::fill(other.data() + 1, 2, Index{3});
  CudaKernels::copy_to_host(other.data(), 4, back.data());
  CHECK(back == std::vector<Index>{-1, 3, 3, 9});
}

/// Output and all gradients of a small U-Net of these kernels, from the same weights.
template <class Kernels, class Scalar>
std::pair<Batch<Scalar>, std::vector<Scalar>> unet_pass(Padding padding, nn::Mode mode) {
  const ImageShape shape{8, 12, 3};
  auto network = test::random_network(
      nn::UNet<2, Scalar, nn::StandardNormalisation, Kernels>({.channels = 5, .padding = padding}), shape);
  const auto x = test::random_matrix<Scalar>(shape.size(), 3, 1);
  const Batch<Scalar> y = test::forward_on(network, x, mode);
  const Batch<Scalar> dx = test::backward_on(network, x, test::random_matrix<Scalar>(shape.size(), 3, 2));
  std::vector<Scalar> gradients = test::gradients_of(network);
  gradients.insert(gradients.end(), dx.reshaped().begin(), dx.reshaped().end());
  return {y, gradients};
}

template <class Scalar>
void check_unet(Padding padding, double tolerance) {
  for (const nn::Mode mode : {nn::Mode::train, nn::Mode::evaluate}) {
    const auto [y, gradients] = unet_pass<CudaKernels, Scalar>(padding, mode);
    const auto [host_y, host_gradients] = unet_pass<nn::EigenKernels, Scalar>(padding, mode);
    CHECK(test::relative_difference(y, host_y) < tolerance);
    const auto vector = [](const std::vector<Scalar>& v) {
      return Matrix<Scalar>(Eigen::Map<const Vector<Scalar>>(v.data(), static_cast<Index>(v.size())));
    };
    CHECK(test::relative_difference(vector(gradients), vector(host_gradients)) < tolerance);
  }
}

TEST_CASE("A U-Net on the device gives the host's outputs and gradients", "[cuda]") {
  check_unet<double>(Padding::zeros, 1e-12);
  check_unet<double>(Padding::circular, 1e-12);
  // 1e-4: twelve convolutions, and ReLUs that rounding can switch.
  check_unet<float>(Padding::zeros, 1e-4);
  check_unet<float>(Padding::circular, 1e-4);
}

TEST_CASE("Initial weights on the device are bitwise the host's", "[cuda]") {
  nn::Network device(test::TestedUNet<1>({.channels = 4}), ImageShape{8, 8, 3});
  nn::Network host(nn::UNet<1>({.channels = 4}), ImageShape{8, 8, 3});
  device.initialise(Seed{3});
  host.initialise(Seed{3});
  CHECK(test::tensors_of(device) == test::tensors_of(host));
}

}  // namespace
}  // namespace diffarch
