#include "diffarch/cuda/nn/fully_connected.hpp"

#include "cuda/kernel_outcome.hpp"

namespace diffarch {
namespace {

template <class Scalar>
struct FullOutcome {
  Matrix<Scalar> y, weights_gradient, bias_gradient, dx;
};

template <class Kernels, class Scalar>
FullOutcome<Scalar> full_outcome(Index inputs, Index outputs, Index samples, bool wants_dx = true, Index networks = 1) {
  const test::LayerOperands<Scalar> operands(inputs, outputs, samples, inputs, outputs * networks);
  using Array = test::KernelsArray<Kernels, Scalar>;
  typename Kernels::template FullyConnected<Scalar> layer;
  layer.plan(inputs, outputs, samples, networks);
  Array x(operands.x), dy(operands.dy), weights(operands.weights);
  Array bias(test::random_matrix<Scalar>(outputs, networks, 4)), bias_gradient(outputs, networks);
  Array y(outputs, samples), gradient(inputs, outputs * networks), dx(inputs, samples);
  Array workspace(layer.workspace_size(), 1);
  layer.forward(x.data(), weights.data(), bias.data(), y.data(), workspace.data());
  layer.backward(x.data(), dy.data(), weights.data(), gradient.data(), bias_gradient.data(),
                 wants_dx ? dx.data() : nullptr, workspace.data());
  return {y.host(), gradient.host(), bias_gradient.host(), wants_dx ? dx.host() : Matrix<Scalar>()};
}

TEMPLATE_TEST_CASE("Fully connected layers on the device are the host's", "[cuda]", float, double) {
  // Products with few inputs or outputs go another way on the host; thousands of samples are several parts of a sum.
  for (const auto& [inputs, outputs, samples] :
       {std::array<Index, 3>{6, 4, 5}, {2, 35, 3}, {35, 2, 7}, {1, 1, 1}, {130, 67, 3001}, {19, 300, 33}}) {
    CAPTURE(inputs, outputs, samples);
    const auto ours = full_outcome<CudaKernels, TestType>(inputs, outputs, samples);
    const auto host = full_outcome<nn::EigenKernels, TestType>(inputs, outputs, samples);
    CHECK(test::relative_difference(ours.y, host.y) < test::kernel_tolerance<TestType>);
    CHECK(test::relative_difference(ours.dx, host.dx) < test::kernel_tolerance<TestType>);
    CHECK(test::relative_difference(ours.weights_gradient, host.weights_gradient) < test::kernel_tolerance<TestType>);
    CHECK(test::relative_difference(ours.bias_gradient, host.bias_gradient) < test::kernel_tolerance<TestType>);
  }
}

TEMPLATE_TEST_CASE("Fully connected layers of several networks on the device are the host's", "[cuda]", float, double) {
  for (const auto& [inputs, outputs, samples, networks] :
       {std::array<Index, 4>{6, 4, 15, 3}, {2, 35, 8, 2}, {35, 2, 21, 7}, {13, 7, 1200, 4}, {3, 2, 5, 5}}) {
    CAPTURE(inputs, outputs, samples, networks);
    const auto ours = full_outcome<CudaKernels, TestType>(inputs, outputs, samples, true, networks);
    const auto host = full_outcome<nn::EigenKernels, TestType>(inputs, outputs, samples, true, networks);
    CHECK(test::relative_difference(ours.y, host.y) < test::kernel_tolerance<TestType>);
    CHECK(test::relative_difference(ours.dx, host.dx) < test::kernel_tolerance<TestType>);
    CHECK(test::relative_difference(ours.weights_gradient, host.weights_gradient) < test::kernel_tolerance<TestType>);
    CHECK(test::relative_difference(ours.bias_gradient, host.bias_gradient) < test::kernel_tolerance<TestType>);
  }
}

TEST_CASE("A fully connected layer whose input needs no gradient makes those of its weights alone", "[cuda]") {
  const auto both = full_outcome<CudaKernels, double>(5, 7, 9);
  const auto one = full_outcome<CudaKernels, double>(5, 7, 9, false);
  CHECK(test::bitwise_equal(one.weights_gradient, both.weights_gradient));
  CHECK(test::bitwise_equal(one.bias_gradient, both.bias_gradient));
}

}  // namespace
}  // namespace diffarch
