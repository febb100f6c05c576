#include "diffarch/nn/layers/modulated.hpp"

#include "diffarch/nn/layers/convolution.hpp"
#include "nn/gradient_check.hpp"
#include "nn/told_levels.hpp"

namespace diffarch {
namespace {

using nn::Mode;
using test::forward_on;
using test::TestedKernels;
using InnerConvolution = nn::Convolution<double, TestedKernels>;
using ModulatedConvolution = nn::Modulated<InnerConvolution>;

const ImageShape modulated_shape{3, 4, 2};

ModulatedConvolution modulated(bool told, Index channels = 19) {
  return {InnerConvolution(2, 19, Padding::zeros),
          told ? std::make_shared<nn::BatchLevels<double, TestedKernels>>() : nullptr, channels};
}

TEST_CASE("A modulated layer scales and shifts each channel of a sample by its level", "[nn]") {
  auto network = test::random_network(modulated(true), modulated_shape);
  auto inner = test::random_network(modulated(false), modulated_shape);  // the same weights: its tensors come first
  const std::vector<NoiseLevel> levels{{0.0, 1.0}, {0.6, 0.8}, NoiseLevel::from_sigma(0.1)};
  test::tell_levels(network, levels);
  const Batch<double> x = test::random_matrix(modulated_shape.size(), 3, 1);
  const Batch<double> y = forward_on(network, x, Mode::train);
  const Batch<double> h = forward_on(inner, x, Mode::train);
  std::vector<double> weight, bias;
  network.for_each_parameter([&](const auto& p) {
    if (p.name == "level.weight") weight = test::values_of(p.values);
    if (p.name == "level.bias") bias = test::values_of(p.values);
  });
  REQUIRE(weight.size() == 2 * 19 * 16);
  REQUIRE(bias.size() == 2 * 19);
  for (Index s = 0; s < 3; ++s) {
    const auto features = nn::level_features(levels[static_cast<std::size_t>(s)]);
    const auto factor = [&](std::size_t row) {
      double sum = bias[row];
      for (std::size_t k = 0; k < 16; ++k) sum += weight[16 * row + k] * features[k];
      return sum;
    };
    for (Index i = 0; i < y.rows(); ++i) {
      const auto channel = static_cast<std::size_t>(i % 19);
      CHECK(y(i, s) == Approx((1.0 + factor(channel)) * h(i, s) + factor(19 + channel)).margin(1e-12));
    }
  }
}

TEST_CASE("Gradients of a modulated layer equal central differences", "[nn]") {
  auto network = test::random_network(modulated(true), modulated_shape);
  test::tell_levels(network, {{0.0, 1.0}, {0.6, 0.8}, NoiseLevel::from_sigma(0.1)});
  CHECK(test::gradient_error(std::move(network), 3) < 1e-6);
}

TEST_CASE("A modulated layer starts as the layer inside, and is that layer when it is told no level", "[nn]") {
  nn::Network network(modulated(true), modulated_shape);
  nn::Network inside(InnerConvolution(2, 19, Padding::zeros), modulated_shape);
  nn::Network untold(modulated(false), modulated_shape);
  network.initialise(Seed{3});
  inside.initialise(Seed{3});
  untold.initialise(Seed{3});
  network.set_level({0.6, 0.8}, 2);
  untold.set_level({0.6, 0.8}, 2);  // does nothing
  CHECK(network.is_conditioned());
  CHECK_FALSE(untold.is_conditioned());
  const Batch<double> x = test::random_matrix(modulated_shape.size(), 2, 1);
  const Batch<double> y = forward_on(inside, x, Mode::evaluate);
  CHECK(test::bitwise_equal(forward_on(network, x, Mode::evaluate), y));
  CHECK(test::bitwise_equal(forward_on(untold, x, Mode::evaluate), y));
  CHECK(test::tensors_of(untold) == test::tensors_of(inside));
  CHECK_THAT(test::message_of<InvalidArgument>([] { nn::Network(modulated(true, 3), modulated_shape); }),
             ContainsSubstring("Modulated: output of shape 3 x 4 x 19 but the layer was made for 3 channels"));
}

}  // namespace
}  // namespace diffarch
