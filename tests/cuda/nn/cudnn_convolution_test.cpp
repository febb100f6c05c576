#include "diffarch/cuda/nn/cudnn_convolution.hpp"

#include "cuda/kernel_outcome.hpp"

namespace diffarch {
namespace {

template <class Scalar>
test::LayerOperands<Scalar> cudnn_operands(ImageShape shape, Index out, Index samples) {
  return {shape.size(), shape.height * shape.width * out, samples, 9, shape.channels * out};
}

template <class Scalar>
test::LayerOutcome<Scalar> cudnn_outcome(ImageShape shape, Index out, Padding padding, Index samples, bool wants_dx,
                                         Index most_bytes = cuda::CudnnConvolution<Scalar>::default_most_bytes) {
  cuda::CudnnConvolution<Scalar> convolution;
  convolution.plan(shape, out, padding, samples, most_bytes);
  return test::convolution_outcome<CudaKernels>(convolution, cudnn_operands<Scalar>(shape, out, samples), wants_dx);
}

TEMPLATE_TEST_CASE("Convolutions by cuDNN are the host's", "[cuda][cudnn]", float, double) {
  for (const Padding padding : {Padding::zeros, Padding::circular})
    for (const ImageShape shape : {ImageShape{5, 7, 3}, ImageShape{1, 1, 2}, ImageShape{1, 6, 5}, ImageShape{2, 1, 4},
                                   ImageShape{13, 9, 1}, ImageShape{6, 5, 9}}) {
      CAPTURE(shape.height, shape.width, shape.channels, padding == Padding::circular);
      nn::EigenKernels::Convolution<TestType> host;
      host.plan(shape, 4, padding, 5);
      const auto expected = test::convolution_outcome<nn::EigenKernels>(host, cudnn_operands<TestType>(shape, 4, 5));
      CHECK(test::outcome_difference(cudnn_outcome<TestType>(shape, 4, padding, 5, true), expected) <
            test::kernel_tolerance<TestType>);
      // No workspace allowed: nothing that cuDNN offers, so by products.
      CHECK(test::outcome_difference(cudnn_outcome<TestType>(shape, 4, padding, 5, true, 0), expected) <
            test::kernel_tolerance<TestType>);
    }
}

TEST_CASE("Convolutions in TF32 round f32 factors to 10 bits of mantissa, and f64 ones not at all", "[cuda][cudnn]") {
  const ImageShape shape{8, 8, 16};
  const auto outcome = [&]<class Kernels, class Scalar>(Kernels, Scalar, Padding padding, bool wants_dx = true) {
    typename Kernels::template Convolution<Scalar> convolution;
    convolution.plan(shape, 8, padding, 4);
    return test::convolution_outcome<Kernels>(convolution, cudnn_operands<Scalar>(shape, 8, 4), wants_dx);
  };
  for (const Padding padding : {Padding::zeros, Padding::circular}) {
    const auto difference = [&]<class Scalar>(Scalar scalar) {
      return test::outcome_difference(outcome(CudaTf32Kernels{}, scalar, padding),
                                      outcome(nn::EigenKernels{}, scalar, padding));
    };
    // A factor is off by at most 2^-11, random signs in sums. Above the limit of f32: the precision is really another.
    CHECK(difference(float{}) < 1e-3);
    CHECK(difference(float{}) > test::kernel_tolerance<float>);
    CHECK(difference(double{}) < test::kernel_tolerance<double>);
    CHECK(test::bitwise_equal(outcome(CudaTf32Kernels{}, float{}, padding, false).weights_gradient,
                              outcome(CudaTf32Kernels{}, float{}, padding).weights_gradient));
  }
  CHECK(CudaTf32Kernels::name() == "CUDA, convolutions by cuDNN in TF32");
}

TEST_CASE("A convolution by cuDNN moves, plans again, and does without dx", "[cuda][cudnn]") {
  const ImageShape shape{5, 4, 3};
  for (const Padding padding : {Padding::zeros, Padding::circular}) {
    cuda::CudnnConvolution<double> first;
    CHECK(first.workspace_size() == 0);
    first.plan({9, 9, 1}, 7, Padding::circular, 2);
    first.plan(shape, 2, padding, 3);
    cuda::CudnnConvolution<double> convolution = std::move(first);
    const auto outcome =
        test::convolution_outcome<CudaKernels>(convolution, cudnn_operands<double>(shape, 2, 3), false);
    const auto both = cudnn_outcome<double>(shape, 2, padding, 3, true);
    CHECK(test::bitwise_equal(outcome.weights_gradient, both.weights_gradient));
    CHECK(test::bitwise_equal(outcome.y, both.y));
    CHECK(outcome.dx.size() == 0);
  }
}

TEST_CASE("Errors of cuDNN name the call", "[cuda][cudnn]") {
  CHECK(test::message_of<CudaError>([] { cuda::check(CUDNN_STATUS_BAD_PARAM, "a call"); }) ==
        "cuDNN: a call: CUDNN_STATUS_BAD_PARAM");
  cuda::CudnnConvolution<float> convolution;
  CHECK_THAT(test::message_of<CudaError>([&] {
               convolution.plan({0, 4, 3}, 2, Padding::zeros, 1);
             }),
             ContainsSubstring("cudnnSetTensor4dDescriptor of 1 images of 0 x 4 x 3"));
}

}  // namespace
}  // namespace diffarch
