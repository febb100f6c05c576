#include "diffarch/nn/unet.hpp"

#include "nn/gradient_check.hpp"
#include "nn/tested_networks.hpp"
#include "nn/told_levels.hpp"

namespace diffarch {
namespace {

using nn::Mode;
using test::forward_on;
using test::random_network;
using test::TestedUNet;

/// The images with row r moved to row r + rows and column c to c + columns, around the border.
Batch<double> shifted_images(const Batch<double>& x, ImageShape shape, Index rows, Index columns) {
  Batch<double> y(x.rows(), x.cols());
  for (Index r = 0; r < shape.height; ++r)
    for (Index c = 0; c < shape.width; ++c)
      y.middleRows(shape.index((r + rows) % shape.height, (c + columns) % shape.width), shape.channels) =
          x.middleRows(shape.index(r, c), shape.channels);
  return y;
}

TEST_CASE("Gradients of the U-Net equal central differences", "[nn]") {
  // 1e-5: a step moves thousands of ReLUs, and the loss has rounding of its own; PyTorch is the sharper judge.
  CHECK(test::gradient_error(random_network(TestedUNet<2, double>({.channels = 3}), {4, 8, 3}), 3) < 1e-5);
  CHECK(test::gradient_error(
            random_network(TestedUNet<1, double>({.channels = 3, .padding = Padding::circular, .image_channels = 1}),
                           {4, 6, 1}),
            3) < 1e-5);
}

double change_by_shift(Padding padding, Index rows, Index columns) {
  const ImageShape shape{16, 24, 3};
  auto network = random_network(TestedUNet<2, float>({.channels = 4, .padding = padding}), shape);
  const Batch<double> x = test::random_matrix(shape.size(), 2, 1);
  const Batch<float> rounded = x.cast<float>();
  forward_on(network, rounded, Mode::train);
  const Batch<double> y = forward_on(network, rounded, Mode::evaluate).cast<double>();
  const Batch<float> shifted_x = shifted_images(x, shape, rows, columns).cast<float>();
  return test::relative_difference(forward_on(network, shifted_x, Mode::evaluate),
                                   shifted_images(y, shape, rows, columns));
}

TEST_CASE("A circular U-Net commutes with shifts by 2^pools only, one with zeros with none", "[nn]") {
  CHECK(change_by_shift(Padding::circular, 4, 8) < 1e-5);
  CHECK(change_by_shift(Padding::circular, 1, 0) > 1e-2);
  CHECK(change_by_shift(Padding::circular, 0, 2) > 1e-2);
  CHECK(change_by_shift(Padding::zeros, 4, 8) > 1e-2);
}

TEST_CASE("A bias-free U-Net is homogeneous of degree 1 in evaluation", "[nn]") {
  const ImageShape shape{8, 8, 1};
  auto network =
      random_network(TestedUNet<2, double, nn::BiasFreeNormalisation>({.channels = 4, .image_channels = 1}), shape);
  const Batch<double> x = test::random_matrix(shape.size(), 2, 1);
  forward_on(network, x, Mode::train);
  const Batch<double> y = forward_on(network, x, Mode::evaluate);
  const Batch<double> thrice = forward_on(network, Batch<double>(3.0 * x), Mode::evaluate);
  REQUIRE(test::relative_difference(thrice, Batch<double>(3.0 * y)) < 1e-13);
}

TEST_CASE("Tensors of the U-Net have the names and shapes of the reference code", "[nn]") {
  nn::Network network(TestedUNet<3>({.channels = 32}), ImageShape{64, 64, 3});
  std::vector<std::string> lines;
  Index weights = 0;
  network.for_each_parameter([&](const auto& p) {
    std::string line = p.name;
    Index size = 1;
    for (const Index dimension : p.shape()) {
      line += " " + std::to_string(dimension);
      size *= dimension;
    }
    if (p.counter == nullptr) REQUIRE(static_cast<std::size_t>(size) == p.values.size());
    lines.push_back(line);
    weights += static_cast<Index>(p.gradient.size());
  });
  for (const char* expected :
       {"encoder.0.0.weight 32 3 3 3", "encoder.0.2.weight 32 32 3 3", "encoder.0.3.running_mean 32",
        "encoder.0.3.num_batches_tracked", "encoder.1.0.weight 64 32 3 3", "encoder.2.4.bias 128",
        "mid_block.3.weight 256 256 3 3", "mid_block.4.running_var 256", "upsample.2.weight 256 128 2 2",
        "upsample.0.weight 64 32 2 2", "decoder.2.0.weight 128 256 3 3", "decoder.0.0.weight 32 64 3 3",
        "decoder.0.1.weight 32", "decoder.0.3.weight 3 32 3 3"})
    CHECK(std::count(lines.begin(), lines.end(), expected) == 1);
  // Counted by hand: convolutions 1 749 600 + 172 032 transposed, batch norm 2 * 32 * (1 + 2*2 + 2*4 + 2*8 + 2*4 + 2*2
  // + 1).
  CHECK(weights == 9 * (3 * 32 + 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128 + 128 * 256 + 256 * 256 +
                        256 * 128 + 128 * 128 + 128 * 64 + 64 * 64 + 64 * 32 + 32 * 3) +
                       4 * (256 * 128 + 128 * 64 + 64 * 32) + 2 * 32 * (1 + 4 + 8 + 16 + 8 + 4 + 1));
}

TEST_CASE("A U-Net refuses images it cannot halve, and other channels", "[nn]") {
  const auto refusal = [](ImageShape shape) {
    return test::message_of<InvalidArgument>([&] { nn::Network(TestedUNet<3>({.channels = 4}), shape); });
  };
  REQUIRE(refusal({30, 32, 3}) ==
          "UNet: image of 30 x 32 x 3 with 3 pools; expected a height and width divisible by 8");
  REQUIRE(refusal({32, 32, 1}) == "UNet: image of 32 x 32 x 1 but the network was made for 3 channels");
  REQUIRE(refusal({0, 8, 3}) == "UNet: image of 0 x 8 x 3 with 3 pools; expected a height and width divisible by 8");
  REQUIRE(refusal({8, 24, 3}) == "no exception");
}

TEST_CASE("A U-Net that is told the level has right gradients, and starts as one that is not", "[nn]") {
  const std::vector<NoiseLevel> levels{{0.0, 1.0}, {0.6, 0.8}, NoiseLevel::from_sigma(0.1)};
  const ImageShape shape{4, 8, 3};
  const nn::UNetOptions told{.channels = 3, .conditioned = true};
  auto network = random_network(TestedUNet<2, double>(told), shape);
  test::tell_levels(network, levels);
  std::vector<std::string> names;
  network.for_each_parameter([&](const auto& p) {
    if (p.name.ends_with("level.weight")) names.push_back(p.name + " " + std::to_string(p.shape()[0]));
  });
  CHECK(names == std::vector<std::string>{"encoder.0.level.weight 6", "encoder.1.level.weight 12",
                                          "mid_block.level.weight 24", "decoder.1.level.weight 12"});
  CHECK(test::gradient_error(std::move(network), 3) < 1e-5);  // see above

  nn::Network start(TestedUNet<2, double>(told), shape);
  nn::Network blind(TestedUNet<2, double>({.channels = 3}), shape);
  start.initialise(Seed{3});
  blind.initialise(Seed{3});
  test::tell_levels(start, levels);
  const Batch<double> x = test::random_matrix(shape.size(), 3, 1);
  CHECK(test::bitwise_equal(forward_on(start, x, Mode::train), forward_on(blind, x, Mode::train)));
}

}  // namespace
}  // namespace diffarch
