#include "diffarch/nn/onednn_kernels.hpp"

#include "diffarch/nn/convolution.hpp"
#include "diffarch/nn/fully_connected.hpp"
#include "diffarch/nn/transposed_convolution.hpp"
#include "diffarch/nn/unet.hpp"
#include "nn/convolution_reference.hpp"
#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

using nn::EigenKernels;
using nn::Mode;
using nn::OneDnnKernels;

struct Pass {
  Matrix<float> y;
  Matrix<float> dx;
  Matrix<float> gradient;
};

template <class Body>
Pass pass_of(Body body, ImageShape shape, Index samples) {
  auto network = test::random_network(std::move(body), shape);
  const Batch<float> x = test::random_matrix<float>(shape.size(), samples, 1);
  Pass pass;
  pass.y = network.forward(x, Mode::train);
  network.output_gradient() = test::random_matrix<float>(network.output_shape().size(), samples, 2);
  network.backward(x, pass.dx);
  const auto gradients = test::gradients_of(network);
  pass.gradient = Eigen::Map<const Vector<float>>(gradients.data(), static_cast<Index>(gradients.size()));
  return pass;
}

void check_agreement(const Pass& a, const Pass& b) {
  // f32 sums of up to 3000 products in another order.
  CHECK(test::relative_difference(a.y, b.y) < 1e-5);
  CHECK(test::relative_difference(a.dx, b.dx) < 1e-5);
  CHECK(test::relative_difference(a.gradient, b.gradient) < 1e-5);
}

TEST_CASE("oneDNN's kernels agree with Eigen's to 1e-5", "[nn]") {
  for (const Padding padding : {Padding::zeros, Padding::circular})
    for (const ImageShape shape : {ImageShape{12, 10, 3}, ImageShape{8, 8, 32}, ImageShape{2, 2, 5}})
      for (const Index out : {1, 3, 32}) {
        INFO(out << " channels from " << diffarch::detail::shape_text(shape));
        check_agreement(pass_of(nn::Convolution<float, OneDnnKernels>(shape.channels, out, padding), shape, 3),
                        pass_of(nn::Convolution<float, EigenKernels>(shape.channels, out, padding), shape, 3));
      }
  const ImageShape shape{6, 4, 16};
  check_agreement(pass_of(nn::TransposedConvolution<float, OneDnnKernels>(16, 8), shape, 3),
                  pass_of(nn::TransposedConvolution<float, EigenKernels>(16, 8), shape, 3));
  check_agreement(pass_of(nn::FullyConnected<float, OneDnnKernels>(384, 100), shape, 30),
                  pass_of(nn::FullyConnected<float, EigenKernels>(384, 100), shape, 30));
}

TEST_CASE("A U-Net gives the same images with oneDNN's kernels and Eigen's", "[nn]") {
  const ImageShape shape{16, 24, 3};
  const Batch<float> x = test::random_matrix<float>(shape.size(), 4, 1);
  for (const Mode mode : {Mode::train, Mode::evaluate}) {
    auto a = test::random_network(nn::UNet<2, 8, Padding::circular, float, nn::StandardNormalisation, OneDnnKernels>(3),
                                  shape);
    auto b = test::random_network(nn::UNet<2, 8, Padding::circular, float, nn::StandardNormalisation, EigenKernels>(3),
                                  shape);
    REQUIRE(test::relative_difference(a.forward(x, mode), b.forward(x, mode)) < 1e-5);
  }
}

TEST_CASE("Gradients of oneDNN's convolution have the same bits in every run", "[nn]") {
  for (const Padding padding : {Padding::zeros, Padding::circular})
    REQUIRE(test::steps_are_deterministic(
        [&] {
          return test::random_network(nn::Convolution<float, OneDnnKernels>(16, 32, padding), ImageShape{32, 32, 16});
        },
        4));
}

}  // namespace
}  // namespace diffarch
