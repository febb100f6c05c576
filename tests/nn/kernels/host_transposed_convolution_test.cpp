#include "diffarch/nn/kernels/host_transposed_convolution.hpp"

#include "diffarch/nn/kernels/eigen_kernels.hpp"
#include "support.hpp"

using namespace diffarch;

TEST_CASE("The transposed convolution on the host gives a sample the same numbers whatever the batch", "[nn]") {
  const ImageShape shape{40, 20, 4};
  const Index out = 3;
  const Matrix<float> weights = test::random_matrix<float>(4 * 4 * out, 1, 1);
  const Batch<float> x = test::random_matrix<float>(shape.size(), 2, 2);
  const auto forward = [&](Index samples) {
    nn::detail::HostTransposedConvolution<float, nn::EigenKernels> kernel;
    kernel.plan(shape, out, samples);
    nn::Buffer<float> workspace(kernel.workspace_size());
    Batch<float> y(4 * shape.height * shape.width * out, samples);
    kernel.forward(x.data(), weights.data(), y.data(), workspace.data());
    return y;
  };
  const Batch<float> both = forward(2);
  CHECK(test::relative_difference(forward(1), Batch<float>(both.leftCols(1))) < 1e-6);
  // The pixel (1, 0) of the second block of the first image.
  float expected = 0.0F;
  for (Index i = 0; i < 4; ++i) expected += weights((i * out + 2) * 4 + 2) * x(shape.index(0, 1, i), 0);
  CHECK(both(ImageShape{80, 40, out}.index(1, 2, 2), 0) == Approx(expected));
}
