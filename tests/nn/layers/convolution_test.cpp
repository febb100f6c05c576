#include "diffarch/nn/layers/convolution.hpp"

#include "nn/convolution_reference.hpp"
#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

template <class Scalar>
using Convolution = nn::Convolution<Scalar, test::TestedKernels>;
using test::forward_on;
using test::random_network;

TEST_CASE("A convolution is the sum that defines it, for both paddings", "[nn]") {
  for (const Padding padding : {Padding::zeros, Padding::circular})
    for (const ImageShape shape :
         {ImageShape{5, 7, 3}, ImageShape{1, 1, 2}, ImageShape{2, 1, 4}, ImageShape{40, 60, 1}}) {
      auto network = random_network(Convolution<double>(shape.channels, 4, padding), shape);
      const Batch<double> x = test::random_matrix(shape.size(), 3, 1);
      Batch<double> expected;
      network.for_each_parameter([&](const auto& p) {
        expected = test::naive_convolution<double>(x, shape, test::values_of(p.values), 4, padding);
      });
      REQUIRE(test::relative_difference(forward_on(network, x, nn::Mode::train), expected) < 1e-13);
    }
}

TEST_CASE("Gradients of a convolution equal central differences, for both paddings", "[nn]") {
  for (const Padding padding : {Padding::zeros, Padding::circular}) {
    CHECK(test::gradient_error(random_network(Convolution<double>(3, 4, padding), {5, 6, 3}), 3) < 1e-6);
    CHECK(test::gradient_error(random_network(Convolution<double>(1, 2, padding), {1, 2, 1}), 2) < 1e-6);
  }
}

TEST_CASE("A circular convolution commutes with every shift, one with zeros does not", "[nn]") {
  const ImageShape shape{6, 8, 2};
  const auto shifted = [&](const Batch<double>& x, Index channels) {
    Batch<double> y(x.rows(), x.cols());
    const ImageShape s{shape.height, shape.width, channels};
    for (Index r = 0; r < s.height; ++r)
      for (Index c = 0; c < s.width; ++c)
        for (Index k = 0; k < channels; ++k)
          y.row(s.index((r + 1) % s.height, (c + 3) % s.width, k)) = x.row(s.index(r, c, k));
    return y;
  };
  const Batch<double> x = test::random_matrix(shape.size(), 2, 1);
  for (const Padding padding : {Padding::zeros, Padding::circular}) {
    auto network = random_network(Convolution<double>(2, 3, padding), shape);
    const Batch<double> y = forward_on(network, x, nn::Mode::train);
    const double difference =
        test::relative_difference(forward_on(network, shifted(x, 2), nn::Mode::train), shifted(y, 3));
    REQUIRE((difference < 1e-13) == (padding == Padding::circular));
  }
}

TEST_CASE("A convolution refuses other channels with the shape", "[nn]") {
  REQUIRE(test::message_of<InvalidArgument>([] {
            nn::Network(Convolution<float>(3, 4, Padding::zeros), ImageShape{4, 4, 1});
          }) == "Convolution: input of shape 4 x 4 x 1 but the layer takes 3 channels");
}

}  // namespace
}  // namespace diffarch
