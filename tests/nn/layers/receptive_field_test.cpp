#include "diffarch/nn/layers/receptive_field.hpp"

#include "diffarch/nn/unet.hpp"
#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

using nn::receptive_field;
using nn::UNet;

template <class Net>
constexpr std::pair<Index, Index> smallest_and_largest_width() {
  Index smallest = 1 << 20;
  Index largest = 0;
  for (Index pixel = 0; pixel < 16; ++pixel) {
    smallest = std::min(smallest, receptive_field<Net>(pixel).width());
    largest = std::max(largest, receptive_field<Net>(pixel).width());
  }
  return {smallest, largest};
}

TEST_CASE("Receptive fields of the U-Net are known at compile time", "[nn]") {
  STATIC_REQUIRE(smallest_and_largest_width<UNet<1>>() == std::pair<Index, Index>{18, 18});
  STATIC_REQUIRE(smallest_and_largest_width<UNet<2>>() == std::pair<Index, Index>{44, 44});
  STATIC_REQUIRE(smallest_and_largest_width<UNet<3>>() == std::pair<Index, Index>{92, 100});
  STATIC_REQUIRE(smallest_and_largest_width<UNet<4>>() == std::pair<Index, Index>{188, 204});
  STATIC_REQUIRE(receptive_field<nn::Convolution<float>>() == nn::Interval{-1, 1});
}

/// First and last column, and row, of the input on which pixel (row, column) of the output depends.
template <class Net>
void check_dependence(Index size, Index row, Index column, Index channels = 2) {
  const ImageShape shape{size, size, 1};
  nn::Network<Net> network(Net({.channels = channels, .image_channels = 1}), shape);
  // Positive weights and inputs: nothing cancels, and ReLU lets everything pass. Two million sums of positive numbers
  // stay within the range of a double.
  network.for_each_parameter([](const auto& p) {
    if (p.trainable()) std::fill(p.values.begin(), p.values.end(), 0.1);
  });
  const Batch<double> x = Batch<double>::Ones(shape.size(), 1);
  network.forward(x, nn::Mode::evaluate);
  network.output_gradient().setZero();
  network.output_gradient()(shape.index(row, column)) = 1.0;
  Batch<double> dx;
  network.backward(x, dx);
  nn::Interval rows{size, -1};
  nn::Interval columns{size, -1};
  for (Index r = 0; r < size; ++r)
    for (Index c = 0; c < size; ++c) {
      if (dx(shape.index(r, c)) == 0.0) continue;
      rows = {std::min(rows.first, r), std::max(rows.last, r)};
      columns = {std::min(columns.first, c), std::max(columns.last, c)};
    }
  const auto expected_rows = receptive_field<Net>(row);
  const auto expected_columns = receptive_field<Net>(column);
  REQUIRE(rows == nn::Interval{row + expected_rows.first, row + expected_rows.last});
  REQUIRE(columns == nn::Interval{column + expected_columns.first, column + expected_columns.last});
}

TEST_CASE("The gradient reaches exactly the receptive field", "[nn]") {
  for (const Index column : {24, 25, 26, 27}) check_dependence<UNet<1, double>>(48, 25, column);
  for (const Index column : {40, 41, 42, 43}) check_dependence<UNet<2, double>>(80, 42, column);
  for (const Index column : {64, 67, 71}) check_dependence<UNet<3, double>>(136, 66, column, 1);
}

}  // namespace
}  // namespace diffarch
