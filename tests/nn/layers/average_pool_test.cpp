#include "diffarch/nn/layers/average_pool.hpp"

#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

template <class Scalar>
using AveragePool = nn::AveragePool<Scalar, test::TestedKernels>;

TEST_CASE("Average pooling takes the mean of each 2 x 2 block", "[nn]") {
  const ImageShape shape{4, 6, 3};
  nn::Network pool(AveragePool<double>(), shape);
  const ImageShape pooled = pool.output_shape();
  REQUIRE(pooled == ImageShape{2, 3, 3});
  const Batch<double> x = test::random_matrix(shape.size(), 2, 1);
  const Batch<double> y = test::forward_on(pool, x, nn::Mode::train);
  for (Index n = 0; n < 2; ++n)
    for (Index r = 0; r < 2; ++r)
      for (Index c = 0; c < 3; ++c)
        for (Index k = 0; k < 3; ++k) {
          const auto at = [&](Index a, Index b) { return x(shape.index(2 * r + a, 2 * c + b, k), n); };
          REQUIRE(y(pooled.index(r, c, k), n) == Approx((at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4));
        }
  REQUIRE(test::gradient_error(nn::Network(AveragePool<double>(), shape), 2) < 1e-6);
}

TEST_CASE("Average pooling of an odd size is refused with the shape", "[nn]") {
  REQUIRE(test::message_of<InvalidArgument>([] {
            nn::Network(AveragePool<float>(), ImageShape{4, 5, 1});
          }) == "AveragePool: input of shape 4 x 5 x 1; expected an even height and width");
}

}  // namespace
}  // namespace diffarch
