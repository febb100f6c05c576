#include "diffarch/cuda/nn/convolution.hpp"

#include "cuda/kernel_outcome.hpp"

namespace diffarch {
namespace {

template <class Scalar>
test::LayerOutcome<Scalar> product_convolution(ImageShape shape, Index out, Padding padding, Index samples,
                                               Index most_bytes, bool wants_dx = true) {
  const test::LayerOperands<Scalar> operands(shape.size(), shape.height * shape.width * out, samples, 9,
                                             shape.channels * out);
  cuda::ProductConvolution<Scalar> convolution;
  convolution.plan(shape, out, padding, samples, most_bytes);
  return test::convolution_outcome<CudaKernels>(convolution, operands, wants_dx);
}

template <class Scalar>
test::LayerOutcome<Scalar> host_convolution(ImageShape shape, Index out, Padding padding, Index samples) {
  const test::LayerOperands<Scalar> operands(shape.size(), shape.height * shape.width * out, samples, 9,
                                             shape.channels * out);
  nn::EigenKernels::Convolution<Scalar> convolution;
  convolution.plan(shape, out, padding, samples);
  return test::convolution_outcome<nn::EigenKernels>(convolution, operands);
}

TEMPLATE_TEST_CASE("Convolutions by products on the device are the host's, in one chunk or several", "[cuda]", float,
                   double) {
  using Convolution = cuda::ProductConvolution<TestType>;
  for (const Padding padding : {Padding::zeros, Padding::circular})
    for (const ImageShape shape : {ImageShape{5, 7, 3}, ImageShape{1, 1, 2}, ImageShape{1, 6, 5}, ImageShape{2, 1, 4},
                                   ImageShape{13, 9, 1}, ImageShape{6, 5, 9}}) {
      CAPTURE(shape.height, shape.width, shape.channels, padding == Padding::circular);
      const Index samples = 5;
      const auto expected = host_convolution<TestType>(shape, 4, padding, samples);
      // All images, two at a time with a last chunk of one, and less memory than one image needs: one at a time.
      const Index two_images = 2 * 9 * std::max<Index>(shape.channels, 4) * shape.height * shape.width *
                               static_cast<Index>(sizeof(TestType));
      for (const Index most_bytes : {Convolution::default_most_bytes, two_images, Index{1}})
        CHECK(test::outcome_difference(product_convolution<TestType>(shape, 4, padding, samples, most_bytes),
                                       expected) < test::kernel_tolerance<TestType>);
    }
}

TEST_CASE("A smaller memory budget makes the workspace of a convolution smaller", "[cuda]") {
  cuda::ProductConvolution<float> convolution;
  convolution.plan({8, 8, 4}, 4, Padding::zeros, 10);
  const Index all = convolution.workspace_size();
  convolution.plan({8, 8, 4}, 4, Padding::zeros, 10, Index{1});
  CHECK(convolution.workspace_size() < all / 4);
}

TEST_CASE("A convolution whose input needs no gradient makes that of its weights alone", "[cuda]") {
  const ImageShape shape{5, 4, 3};
  const auto both = product_convolution<double>(shape, 2, Padding::circular, 3, Index{1});
  const auto one = product_convolution<double>(shape, 2, Padding::circular, 3, Index{1}, false);
  CHECK(test::bitwise_equal(one.weights_gradient, both.weights_gradient));
  CHECK(one.dx.size() == 0);
}

}  // namespace
}  // namespace diffarch
