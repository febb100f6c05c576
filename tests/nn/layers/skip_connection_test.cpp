#include "diffarch/nn/layers/skip_connection.hpp"

#include "diffarch/nn/layers/average_pool.hpp"
#include "diffarch/nn/layers/convolution.hpp"
#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

using SkippedConvolution = nn::Convolution<double, test::TestedKernels>;

TEST_CASE("A skip connection joins the inner layer's channels and its own input's", "[nn]") {
  const ImageShape shape{4, 3, 2};
  auto skip = test::random_network(nn::SkipConnection(SkippedConvolution(2, 3, Padding::zeros)), shape);
  auto inner = test::random_network(SkippedConvolution(2, 3, Padding::zeros), shape);
  REQUIRE(skip.output_shape() == ImageShape{4, 3, 5});
  const Batch<double> x = test::random_matrix(shape.size(), 2, 1);
  const Batch<double> y = test::forward_on(skip, x, nn::Mode::train);
  const Batch<double> z = test::forward_on(inner, x, nn::Mode::train);
  for (Index pixel = 0; pixel < 12; ++pixel) {
    REQUIRE(y.middleRows(5 * pixel, 3) == z.middleRows(3 * pixel, 3));
    REQUIRE(y.middleRows(5 * pixel + 3, 2) == x.middleRows(2 * pixel, 2));
  }
  REQUIRE(test::gradient_error(std::move(skip), 2) < 1e-6);
}

TEST_CASE("A skip connection refuses inner layers that change height or width", "[nn]") {
  REQUIRE_THAT(test::message_of<InvalidArgument>([] {
                 nn::Network(nn::SkipConnection(nn::AveragePool<double, test::TestedKernels>()), ImageShape{4, 4, 1});
               }),
               ContainsSubstring("the inner layers give 2 x 2 x 1 for 4 x 4 x 1; expected the same height and width"));
}

}  // namespace
}  // namespace diffarch
