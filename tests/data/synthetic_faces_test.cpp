#include "diffarch/data/synthetic_faces.hpp"

#include <cmath>

#include "catch.hpp"

using namespace diffarch;

TEST_CASE("synthetic_faces gives images in [-1, 1] of the shape asked for", "[data]") {
  for (const ImageShape shape : {ImageShape{32, 32, 3}, ImageShape{32, 24, 1}, ImageShape{8, 8, 3}}) {
    const auto faces = synthetic_faces<float>(5, shape, Seed{1});
    REQUIRE(faces.size() == 5);
    REQUIRE(faces.shape() == shape);
    REQUIRE(faces.samples().minCoeff() >= -1.0F);
    REQUIRE(faces.samples().maxCoeff() <= 1.0F);
  }
  REQUIRE(synthetic_faces<float>(0, {8, 8, 1}, Seed{1}).size() == 0);
}

TEST_CASE("Face i is the same whatever the number of faces, and differs between seeds", "[data]") {
  const ImageShape shape{32, 32, 3};
  const auto many = synthetic_faces<double>(6, shape, Seed{2});
  REQUIRE(synthetic_faces<double>(2, shape, Seed{2}).samples() == many.samples().leftCols(2));
  REQUIRE(synthetic_faces<double>(2, shape, Seed{3}).samples() != many.samples().leftCols(2));
}

TEST_CASE("Faces differ from each other and have contrast", "[data]") {
  const auto faces = synthetic_faces<double>(12, {32, 32, 3}, Seed{4});
  for (Index i = 0; i < faces.size(); ++i) {
    const auto face = faces.samples().col(i);
    REQUIRE(std::sqrt((face.array() - face.mean()).square().mean()) > 0.15);
    for (Index j = 0; j < i; ++j) {
      const double distance =
          std::sqrt((face - faces.samples().col(j)).squaredNorm() / static_cast<double>(face.size()));
      REQUIRE(distance > 0.1);
    }
  }
}

TEST_CASE("A gray face is the luma of the same face in colour", "[data]") {
  const auto colour = synthetic_faces<double>(2, {16, 16, 3}, Seed{5});
  const auto gray = synthetic_faces<double>(2, {16, 16, 1}, Seed{5});
  for (Index i = 0; i < 2; ++i)
    for (Index p = 0; p < 256; ++p) {
      const auto rgb = colour.samples().col(i).segment(3 * p, 3);
      // The weights sum to 1, so they also hold for values in [-1, 1]; a few roundings of numbers up to 2.
      REQUIRE(std::abs(gray.samples()(p, i) - (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2])) < 1e-14);
    }
}

TEST_CASE("The same face at twice the resolution looks the same", "[data]") {
  // Means over 2 x 2 pixels against the coarse picture: edges are sampled at 2 x 2 points a pixel, so single pixels at
  // edges differ, but on average by less than 0.05 of the range 2 (another face differs by more than 0.1).
  const auto coarse = synthetic_faces<double>(3, {32, 32, 1}, Seed{6});
  const auto fine = synthetic_faces<double>(3, {64, 64, 1}, Seed{6});
  const ImageShape large = fine.shape();
  for (Index i = 0; i < 3; ++i) {
    double difference = 0.0;
    for (Index row = 0; row < 32; ++row)
      for (Index column = 0; column < 32; ++column) {
        double mean = 0.0;
        for (Index k = 0; k < 4; ++k)
          mean += 0.25 * fine.samples()(large.index(2 * row + k / 2, 2 * column + k % 2), i);
        difference += std::abs(mean - coarse.samples()(coarse.shape().index(row, column), i)) / 1024.0;
      }
    REQUIRE(difference < 0.05);
  }
}

TEST_CASE("synthetic_faces refuses shapes it cannot draw", "[data]") {
  REQUIRE_THROWS_WITH(synthetic_faces<float>(1, {7, 32, 3}, Seed{0}), ContainsSubstring("shape 7 x 32 x 3"));
  REQUIRE_THROWS_AS(synthetic_faces<float>(1, {32, 32, 2}, Seed{0}), InvalidArgument);
  REQUIRE_THROWS_AS(synthetic_faces<float>(-1, {32, 32, 3}, Seed{0}), InvalidArgument);
}
