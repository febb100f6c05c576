#include "diffarch/analysis/intrinsic_dimension.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using test::message_of;
using test::random_matrix;
using test::real;

/// 1000 points of a D-dimensional Gaussian in 30 dimensions.
Batch<double> flat_points(Index dimension, unsigned seed) {
  return random_matrix(30, dimension, seed) * random_matrix(dimension, 1000, seed + 100);
}

TEST_CASE("Intrinsic dimensions of flat sets", "[analysis]") {
  // Margins: five standard deviations around the means stated with the estimators.
  const auto two_nn = [](Index d) { return two_nn_dimension(flat_points(d, 1)).dimension; };
  const auto levina_bickel = [](Index d) { return levina_bickel_dimension(flat_points(d, 2)).dimension; };
  REQUIRE(two_nn(1) == Approx(1.0).margin(0.17));
  REQUIRE(two_nn(2) == Approx(2.03).margin(0.45));
  REQUIRE(two_nn(5) == Approx(5.0).margin(1.0));
  REQUIRE(two_nn(10) == Approx(9.2).margin(1.8));
  REQUIRE(levina_bickel(1) == Approx(1.0).margin(0.05));
  REQUIRE(levina_bickel(2) == Approx(2.04).margin(0.1));
  REQUIRE(levina_bickel(5) == Approx(4.9).margin(0.3));
  REQUIRE(levina_bickel(10) == Approx(8.4).margin(0.6));
}

TEST_CASE("Intrinsic dimensions of curved sets", "[analysis]") {
  Batch<double> sphere = random_matrix(3, 1000, 3);
  sphere.colwise().normalize();
  REQUIRE(two_nn_dimension(sphere).dimension == Approx(2.0).margin(0.3));
  REQUIRE(levina_bickel_dimension(sphere).dimension == Approx(2.0).margin(0.07));
  // Its interval: 1000 x 0.9 ratios, each an exponential waiting time.
  const IntrinsicDimension estimate = two_nn_dimension(sphere);
  REQUIRE(estimate.lower < estimate.dimension);
  REQUIRE(estimate.upper - estimate.lower == Approx(2.0 * 1.96 * estimate.dimension / std::sqrt(900.0)).epsilon(0.05));
}

TEST_CASE("TwoNN on neighbours whose ratios are known", "[analysis]") {
  // Points in threes, far apart: distances 1 and 3 on a line, seen from the ends 1, 3 and from the middle 1, 2. All
  // ratios kept: log 3, log 2, log 1.5 for each group.
  constexpr Index groups = 40;
  Batch<double> points(1, 3 * groups);
  for (Index g = 0; g < groups; ++g) {
    const double origin = 1000.0 * real(g);
    points.col(3 * g) << origin;
    points.col(3 * g + 1) << origin + 1.0;
    points.col(3 * g + 2) << origin + 3.0;
  }
  const double expected = (3.0 * groups - 1.0) / (groups * (std::log(3.0) + std::log(2.0) + std::log(1.5)));
  REQUIRE(two_nn_dimension(points, 0.0).dimension == Approx(expected).epsilon(1e-12));
  // A third discarded: what is kept are log 1.5 and log 2, and the discarded count as log 2.
  const double censored = (2.0 * groups - 1.0) / (groups * (std::log(1.5) + 2.0 * std::log(2.0)));
  REQUIRE(two_nn_dimension(points, 1.0 / 3.0).dimension == Approx(censored).epsilon(1e-12));
}

TEST_CASE("Intervals of an exponential rate cover it", "[analysis]") {
  std::mt19937_64 engine(4);
  std::exponential_distribution<double> waiting(5.0);
  constexpr Index repetitions = 4000;
  Index covered = 0;
  double mean = 0.0;
  for (Index r = 0; r < repetitions; ++r) {
    double sum = 0.0;
    for (Index i = 0; i < 30; ++i) sum += waiting(engine);
    const IntrinsicDimension estimate = detail::exponential_rate(30.0, sum, 30);
    mean += estimate.dimension / real(repetitions);
    if (estimate.lower < 5.0 && 5.0 < estimate.upper) ++covered;
  }
  REQUIRE(real(covered) / real(repetitions) == Approx(0.95).margin(4.9 * 0.0035));
  REQUIRE(mean == Approx(5.0).margin(4.9 * 5.0 / std::sqrt(28.0 * real(repetitions))));
}

TEST_CASE("Copies count once, and too few points are an error", "[analysis]") {
  const Batch<double> points = random_matrix(3, 200, 5);
  Batch<double> doubled(3, 400);
  doubled << points, points;
  const IntrinsicDimension once = two_nn_dimension(points);
  const IntrinsicDimension twice = two_nn_dimension(doubled);
  REQUIRE(twice.points == 200);
  REQUIRE(twice.dimension == once.dimension);
  REQUIRE(levina_bickel_dimension(doubled).points == 200);
  REQUIRE(message_of<InvalidArgument>([] { return two_nn_dimension(Batch<double>::Constant(2, 9, 1.0).eval()); }) ==
          "two_nn_dimension: 9 samples, 1 of them distinct; expected at least 3");
  REQUIRE(message_of<InvalidArgument>([] { return levina_bickel_dimension(random_matrix(2, 20, 1)); }) ==
          "levina_bickel_dimension: 20 samples, 20 of them distinct; expected at least 21");
  REQUIRE(message_of<InvalidArgument>([] { return levina_bickel_dimension(random_matrix(2, 20, 1), 2); }) ==
          "levina_bickel_dimension: k = 2, expected at least 3");
  Batch<double> broken = points;
  broken(1, 7) = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(message_of<InvalidArgument>([&] { return two_nn_dimension(broken); }) ==
          "two_nn_dimension: sample 7 has a value that is NaN, infinite or too large to square");
}

}  // namespace
}  // namespace diffarch
