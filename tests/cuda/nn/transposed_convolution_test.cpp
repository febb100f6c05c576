#include "diffarch/cuda/nn/transposed_convolution.hpp"

#include "cuda/kernel_outcome.hpp"

namespace diffarch {
namespace {

template <class Kernels, class Scalar>
test::LayerOutcome<Scalar> transposed_outcome(ImageShape shape, Index out, Index samples, bool wants_dx = true) {
  const test::LayerOperands<Scalar> operands(shape.size(), 4 * shape.height * shape.width * out, samples, 4,
                                             shape.channels * out);
  typename Kernels::template TransposedConvolution<Scalar> convolution;
  convolution.plan(shape, out, samples);
  return test::convolution_outcome<Kernels>(convolution, operands, wants_dx);
}

TEMPLATE_TEST_CASE("Transposed convolutions on the device are the host's", "[cuda]", float, double) {
  for (const ImageShape shape :
       {ImageShape{3, 5, 4}, ImageShape{1, 1, 1}, ImageShape{7, 2, 3}, ImageShape{20, 11, 6}}) {
    for (const Index out : {3, 8}) {  // multiples of four are moved together
      CAPTURE(shape.height, shape.width, shape.channels, out);
      CHECK(test::outcome_difference(transposed_outcome<CudaKernels, TestType>(shape, out, 5),
                                     transposed_outcome<nn::EigenKernels, TestType>(shape, out, 5)) <
            test::kernel_tolerance<TestType>);
    }
  }
}

#ifdef DIFFARCH_HAS_CUDNN
TEST_CASE("Transposed convolutions in TF32 round f32 factors, and f64 ones not at all", "[cuda][cudnn]") {
  const auto difference = []<class Scalar>(Scalar) {
    return test::outcome_difference(transposed_outcome<CudaTf32Kernels, Scalar>({8, 8, 16}, 8, 4),
                                    transposed_outcome<nn::EigenKernels, Scalar>({8, 8, 16}, 8, 4));
  };
  CHECK(difference(float{}) < 1e-3);
  CHECK(difference(float{}) > test::kernel_tolerance<float>);
  CHECK(difference(double{}) < test::kernel_tolerance<double>);
}
#endif

TEST_CASE("A transposed convolution whose input needs no gradient makes that of its weights alone", "[cuda]") {
  const auto both = transposed_outcome<CudaKernels, double>({3, 5, 4}, 2, 3);
  const auto one = transposed_outcome<CudaKernels, double>({3, 5, 4}, 2, 3, false);
  CHECK(test::bitwise_equal(one.weights_gradient, both.weights_gradient));
  CHECK(one.dx.size() == 0);
}

}  // namespace
}  // namespace diffarch
