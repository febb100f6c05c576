#include "diffarch/nn/layers/sequential.hpp"

#include "diffarch/nn/layers/activation.hpp"
#include "diffarch/nn/layers/batch_norm.hpp"
#include "diffarch/nn/layers/convolution.hpp"
#include "diffarch/nn/layers/fully_connected.hpp"
#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

using test::TestedKernels;
using Full = nn::FullyConnected<double, TestedKernels>;
using Tanh = nn::Tanh<double, TestedKernels>;
using Leaky = nn::LeakyReLU<double, TestedKernels>;
using Norm = nn::BatchNorm<double, nn::StandardNormalisation, false, TestedKernels>;

TEST_CASE("Gradients pass through every mixture of layers that work in place and layers that do not", "[nn]") {
  const ImageShape shape{1, 1, 6};
  const auto error = [&](auto body) { return test::gradient_error(test::random_network(std::move(body), shape), 3); };
  CHECK(error(nn::Sequential(Full(6, 5))) < 1e-6);
  CHECK(error(nn::Sequential(Tanh(), Full(6, 5))) < 1e-6);
  CHECK(error(nn::Sequential(Full(6, 5), Tanh())) < 1e-6);
  CHECK(error(nn::Sequential(Tanh(), Tanh(), Leaky(0.3))) < 1e-6);
  CHECK(error(nn::Sequential(Full(6, 5), Full(5, 9), Full(9, 4), Full(4, 7))) < 1e-6);
  CHECK(error(nn::Sequential(Full(6, 5), Tanh(), Leaky(0.2), Full(5, 9), Tanh(), Full(9, 3), Tanh(), Tanh())) < 1e-6);
  CHECK(error(nn::Sequential(nn::Sequential(Full(6, 5), Tanh()), Tanh(), nn::Sequential(Full(5, 4), Full(4, 5)),
                             Full(5, 2))) < 1e-6);
  // Not straight after a fully connected layer, whose bias would have the gradient zero.
  CHECK(error(nn::Sequential(Norm(6), Full(6, 5), Tanh(), Norm(5), Tanh())) < 1e-6);
}

TEST_CASE("A layer that computes the activation after it gives what the two on their own give", "[nn]") {
  for (const auto& [inputs, outputs] : {std::pair<Index, Index>{2, 103}, {1, 64}, {103, 2}, {40, 30}}) {
    CAPTURE(inputs, outputs);
    const ImageShape shape{1, 1, inputs};
    auto joined = test::random_network(nn::Sequential(Full(inputs, outputs), Leaky(0.2)), shape);
    // A sequence within keeps the layers apart.
    auto apart = test::random_network(nn::Sequential(nn::Sequential(Full(inputs, outputs)), Leaky(0.2)), shape);
    const Batch<double> x = test::random_matrix(inputs, 9, 1);
    REQUIRE(test::relative_difference(test::forward_on(joined, x, nn::Mode::train),
                                      test::forward_on(apart, x, nn::Mode::train)) < 1e-14);
    const Batch<double> dy = test::random_matrix(outputs, 9, 2);
    const Batch<double> dx = test::backward_on(joined, x, dy);
    const Batch<double> dx_apart = test::backward_on(apart, x, dy);
    CHECK(test::relative_difference(dx, dx_apart) < 1e-14);
    const std::vector<double> gradient = test::gradients_of(joined);
    const std::vector<double> gradient_apart = test::gradients_of(apart);
    const auto vector = [](const std::vector<double>& v) {
      return Matrix<double>(Eigen::Map<const Vector<double>>(v.data(), static_cast<Index>(v.size())));
    };
    CHECK(test::relative_difference(vector(gradient), vector(gradient_apart)) < 1e-14);
    CHECK(test::gradient_error(std::move(joined), 9) < 1e-6);
  }
}

TEST_CASE("A layer that computes the two after it gives what the three on their own give", "[nn]") {
  // In the last sequence the gradient before a block lies where the one after it was.
  const auto compare = [](auto joined, auto apart, ImageShape shape) {
    auto one = test::random_network(std::move(joined), shape);
    auto other = test::random_network(std::move(apart), shape);
    for (const Index samples : {1, 9, 700}) {
      CAPTURE(samples);
      const Batch<double> x = test::random_matrix(shape.size(), samples, 1);
      const auto difference = [](const auto& a, const auto& b) { return test::relative_difference(a, b); };
      CHECK(difference(test::forward_on(one, x, nn::Mode::train), test::forward_on(other, x, nn::Mode::train)) < 1e-13);
      const Batch<double> dy = test::random_matrix(one.output_shape().size(), samples, 2);
      const Batch<double> dx = test::backward_on(one, x, dy);
      const Batch<double> dx_other = test::backward_on(other, x, dy);
      CHECK(difference(dx, dx_other) < 1e-13);
      const std::vector<double> gradient = test::gradients_of(one);
      const std::vector<double> gradient_other = test::gradients_of(other);
      const auto vector = [](const std::vector<double>& v) {
        return Matrix<double>(Eigen::Map<const Vector<double>>(v.data(), static_cast<Index>(v.size())));
      };
      CHECK(difference(vector(gradient), vector(gradient_other)) < 1e-13);
    }
    CHECK(test::gradient_error(std::move(one), 9) < 1e-6);
  };
  // A sequence within keeps the layers apart.
  const auto alone = [](Index inputs, Index outputs) { return nn::Sequential(Full(inputs, outputs)); };
  for (const auto& [inputs, wide, outputs] : {std::array<Index, 3>{2, 64, 1}, {3, 35, 4}, {3, 2, 4}, {30, 40, 2}}) {
    CAPTURE(inputs, wide, outputs);
    compare(nn::Sequential(Full(inputs, wide), Leaky(0.2), Full(wide, outputs)),
            nn::Sequential(alone(inputs, wide), Leaky(0.2), alone(wide, outputs)), {1, 1, inputs});
  }
  compare(
      nn::Sequential(Full(3, 4), Full(4, 20), Leaky(0.2), Full(20, 1), Leaky(0.1), Full(1, 8), Leaky(0.0), Full(8, 3)),
      nn::Sequential(alone(3, 4), alone(4, 20), Leaky(0.2), alone(20, 1), Leaky(0.1), alone(1, 8), Leaky(0.0),
                     alone(8, 3)),
      {1, 1, 3});
}

TEST_CASE("Tensors are named by their place, a fused ReLU counting as a layer", "[nn]") {
  using Convolution = nn::Convolution<double, TestedKernels>;
  using Normalise = nn::BatchNorm<double, nn::StandardNormalisation, true, TestedKernels>;
  nn::Network network(nn::Sequential(Convolution(3, 4, Padding::zeros), Normalise(4), Convolution(4, 3, Padding::zeros),
                                     nn::Sequential(Norm(3), Convolution(3, 1, Padding::zeros))),
                      ImageShape{4, 4, 3});
  std::vector<std::string> names;
  network.for_each_parameter([&](const auto& p) { names.push_back(p.name); });
  REQUIRE(names == std::vector<std::string>{"0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                                            "1.num_batches_tracked", "3.weight", "4.0.weight", "4.0.bias",
                                            "4.0.running_mean", "4.0.running_var", "4.0.num_batches_tracked",
                                            "4.1.weight"});
}

TEST_CASE("A sequence whose shapes do not fit is refused by the layer that does not fit", "[nn]") {
  REQUIRE_THAT(test::message_of<InvalidArgument>([] {
                 nn::Network(nn::Sequential(Full(6, 5), Full(6, 5)), ImageShape{1, 1, 6});
               }),
               ContainsSubstring("FullyConnected: input of shape 1 x 1 x 5 but the layer has 6 inputs"));
}

}  // namespace
}  // namespace diffarch
