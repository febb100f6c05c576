#include "diffarch/nn/kernels/host_fully_connected.hpp"

#include "diffarch/nn/kernels/eigen_kernels.hpp"
#include "support.hpp"

using namespace diffarch;

TEST_CASE("The fully connected layer of the host is W x + b, alone and with a LeakyReLU, wide and thin", "[nn]") {
  const Index samples = 9;
  for (const auto& [inputs, outputs] : {std::pair<Index, Index>{40, 30}, {3, 50}, {1, 21}, {50, 2}}) {
    CAPTURE(inputs, outputs);
    nn::detail::HostFullyConnected<double, nn::EigenKernels> kernel;
    kernel.plan(inputs, outputs, samples);
    nn::Buffer<double> workspace(kernel.workspace_size());
    const Matrix<double> weights = test::random_matrix(inputs, outputs, 1);  // (outputs, inputs), the input fastest
    const Vector<double> bias = test::random_matrix(outputs, 1, 2);
    const Batch<double> x = test::random_matrix(inputs, samples, 3);
    const Batch<double> expected = (weights.transpose() * x).colwise() + bias;
    Batch<double> y(outputs, samples);
    kernel.forward(x.data(), weights.data(), bias.data(), y.data(), workspace.data());
    CHECK(test::relative_difference(y, expected) < 1e-14);
    kernel.forward_then(0.2, x.data(), weights.data(), bias.data(), y.data(), workspace.data());
    CHECK(test::relative_difference(y, Batch<double>((expected.array() > 0.0).select(expected, 0.2 * expected))) <
          1e-14);

    Batch<double> dy = test::random_matrix(outputs, samples, 4);
    const Batch<double> leaked = (expected.array() > 0.0).select(dy, 0.2 * dy);
    Matrix<double> weights_gradient(inputs, outputs);
    Vector<double> bias_gradient(outputs);
    Batch<double> dx(inputs, samples);
    kernel.backward_through(0.2, y.data(), x.data(), dy.data(), weights.data(), weights_gradient.data(),
                            bias_gradient.data(), dx.data(), workspace.data());
    CHECK(test::relative_difference(weights_gradient, Matrix<double>(x * leaked.transpose())) < 1e-14);
    CHECK(test::relative_difference(bias_gradient, Vector<double>(leaked.rowwise().sum())) < 1e-13);
    CHECK(test::relative_difference(dx, Batch<double>(weights * leaked)) < 1e-14);
    kernel.backward(x.data(), leaked.data(), weights.data(), weights_gradient.data(), bias_gradient.data(), nullptr,
                    workspace.data());
    CHECK(test::relative_difference(weights_gradient, Matrix<double>(x * leaked.transpose())) < 1e-14);
  }
}
