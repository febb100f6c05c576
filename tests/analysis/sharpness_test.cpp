#include "diffarch/analysis/sharpness.hpp"

#include "diffarch/core/random.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("Sharpness is the rms Laplacian: known for quadratics, ramps and white noise", "[analysis]") {
  const ImageShape shape{12, 10, 3};
  Batch<double> images(shape.size(), 2);
  for (Index row = 0; row < 12; ++row)
    for (Index column = 0; column < 10; ++column)
      for (Index channel = 0; channel < 3; ++channel) {
        const Index at = shape.index(row, column, channel);
        images(at, 0) = 0.3 * static_cast<double>(row * row) - 0.1 * static_cast<double>(column * column);
        images(at, 1) = static_cast<double>(2 * row - 5 * column + channel);
      }
  const Vector<double> sharp = sharpness(images, shape);
  CHECK(std::abs(sharp(0) - 2.0 * (0.3 - 0.1)) < 1e-10);
  CHECK(sharp(1) < 1e-12);
  // Independent unit noise: variance 4^2 + 4 = 20.
  const Vector<double> noise = sharpness(normal_batch<double>(100 * 100, 4, Seed{1}), ImageShape{100, 100, 1});
  CHECK(std::abs(noise.mean() - std::sqrt(20.0)) < 0.05);
}

TEST_CASE("Sharpness refuses images without an inside", "[analysis]") {
  CHECK_THROWS_AS(sharpness(random_matrix(6, 1, 1), ImageShape{2, 3, 1}), InvalidArgument);
  CHECK_THROWS_AS(sharpness(random_matrix(8, 1, 1), ImageShape{3, 3, 1}), DimensionMismatch);
}
