#include "diffarch/core/image_shape.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("An image is stored row by row with the channel fastest", "[core]") {
  constexpr ImageShape shape{.height = 3, .width = 4, .channels = 2};
  STATIC_REQUIRE(shape.size() == 24);
  Index expected = 0;
  for (Index row = 0; row < 3; ++row)
    for (Index column = 0; column < 4; ++column)
      for (Index channel = 0; channel < 2; ++channel) REQUIRE(shape.index(row, column, channel) == expected++);
  REQUIRE(expected == shape.size());
}

TEST_CASE("Shapes compare by all three sizes and print as height x width x channels", "[core]") {
  REQUIRE(ImageShape{2, 3, 1} == ImageShape{.height = 2, .width = 3});
  REQUIRE_FALSE(ImageShape{2, 3, 1} == ImageShape{3, 2, 1});
  REQUIRE_FALSE(ImageShape{2, 3, 1} == ImageShape{2, 3, 3});
  REQUIRE(detail::shape_text(ImageShape{64, 48, 3}) == "64 x 48 x 3");
}

}  // namespace
}  // namespace diffarch
