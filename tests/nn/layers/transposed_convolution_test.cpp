#include "diffarch/nn/layers/transposed_convolution.hpp"

#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

using Transposed = nn::TransposedConvolution<double, test::TestedKernels>;

TEST_CASE("A transposed convolution spreads each pixel over its 2 x 2 block", "[nn]") {
  const ImageShape shape{3, 5, 4};
  auto network = test::random_network(Transposed(4, 3), shape);
  const ImageShape twice = network.output_shape();
  REQUIRE(twice == ImageShape{6, 10, 3});
  const Batch<double> x = test::random_matrix(shape.size(), 2, 1);
  Batch<double> expected = Batch<double>::Zero(twice.size(), 2);
  network.for_each_parameter([&](const auto& p) {
    const std::vector<double> weights = test::values_of(p.values);
    for (Index n = 0; n < 2; ++n)
      for (Index r = 0; r < 6; ++r)
        for (Index c = 0; c < 10; ++c)
          for (Index o = 0; o < 3; ++o)
            for (Index i = 0; i < 4; ++i)
              expected(twice.index(r, c, o), n) +=
                  weights[static_cast<std::size_t>((i * 3 + o) * 4 + (r % 2) * 2 + c % 2)] *
                  x(shape.index(r / 2, c / 2, i), n);
  });
  REQUIRE(test::relative_difference(test::forward_on(network, x, nn::Mode::train), expected) < 1e-13);
}

TEST_CASE("Gradients of a transposed convolution equal central differences", "[nn]") {
  const auto network = [](ImageShape shape) { return test::random_network(Transposed(4, 3), shape); };
  REQUIRE(test::gradient_error(network({3, 5, 4}), 2) < 1e-6);
  REQUIRE(test::gradient_error(network({40, 20, 4}), 2) < 1e-6);  // several blocks, several threads
  REQUIRE(test::steps_are_deterministic([&] { return network({40, 20, 4}); }, 2));
}

}  // namespace
}  // namespace diffarch
