#include "diffarch/denoiser/random_features.hpp"

#include "support.hpp"

using namespace diffarch;

TEST_CASE("Random feature policies say what they are", "[denoiser]") {
  CHECK(Polynomial<3, RandomFeatures<>>{}.name() == "Polynomial<3, 1024 random features, exact average>");
  CHECK(RandomFeatures<SingleDraw>{.width = 8, .bias = false}.name() == "8 random features without bias, single draw");
  CHECK_FALSE(RandomFeatures<Legacy>{}.bias);
  CHECK(RandomFeatures<SingleDraw>{}.averaging.ridge == 1e-5);
}
