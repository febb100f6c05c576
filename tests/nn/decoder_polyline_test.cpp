#include "diffarch/nn/decoder_polyline.hpp"

#include "nn/tested_networks.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("Outputs of a plane network with a code of one lie on its polyline", "[nn]") {
  nn::Network network(TestedTwoDMlp<double>(1), ImageShape{1, 1, 2});
  network.initialise(Seed{1});
  const Batch<double> y = 5.0 * random_matrix(2, 400, 2);
  const Batch<double> x0_hat = forward_on(network, y, nn::Mode::evaluate);
  const Batch<double> corners = nn::decoder_polyline(network.body(), -100.0, 100.0);
  CHECK(corners.cols() > 10);
  CHECK(corners.cols() <= 66);
  CHECK(nn::distance_to_polyline(x0_hat, corners).maxCoeff() < 1e-12);
  CHECK(nn::distance_to_polyline(Batch<double>(2.0 * x0_hat), corners).maxCoeff() > 1e-3);
}

TEST_CASE("Distances to a polyline by hand; bad polylines are refused", "[nn]") {
  Batch<double> corners(2, 3);
  corners << 0.0, 1.0, 1.0, 0.0, 0.0, 2.0;
  Batch<double> points(2, 3);
  points << 0.5, 3.0, -1.0, 1.0, 1.0, -1.0;
  const Vector<double> distances = nn::distance_to_polyline(points, corners);
  CHECK(distances(0) == Approx(0.5));
  CHECK(distances(1) == Approx(2.0));
  CHECK(distances(2) == Approx(std::sqrt(2.0)));
  CHECK_THROWS_AS(nn::distance_to_polyline(points, Batch<double>(corners.leftCols(1))), DimensionMismatch);
  TestedTwoDMlp<double> wide(2);
  CHECK_THROWS_AS(nn::decoder_polyline(wide, -1.0, 1.0), InvalidArgument);
  TestedTwoDMlp<double> narrow(1);
  CHECK_THROWS_AS(nn::decoder_polyline(narrow, 1.0, 1.0), InvalidArgument);
}
