#include "diffarch/analysis/energy_distance.hpp"

#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("The energy distance of two pairs of points, by hand", "[analysis]") {
  const Matrix<double> x{{0.0, 2.0}};
  const Matrix<double> y{{1.0, 5.0}};
  // 2 (1 + 5 + 1 + 3) / 4 - 2 - 4
  CHECK(energy_distance(x, y) == Approx(-1.0));
}

TEST_CASE("Samples of one distribution are at distance zero, up to noise, and others are not", "[analysis]") {
  double sum = 0.0;
  for (unsigned seed = 0; seed < 20; ++seed)
    sum += energy_distance(random_matrix(3, 100, seed), random_matrix(3, 120, 100 + seed)) / 20.0;
  CHECK(std::abs(sum) < 0.02);
  // Two points masses at distance a: 2 a. Well separated clouds come close to it.
  const Matrix<double> far = random_matrix(3, 100, 1).array() + 100.0;
  CHECK(energy_distance(random_matrix(3, 100, 2), far) == Approx(2.0 * 100.0 * std::sqrt(3.0)).epsilon(0.02));
}

TEST_CASE("The energy distance checks its input", "[analysis]") {
  CHECK_THROWS_AS(energy_distance(random_matrix(2, 5, 1), random_matrix(3, 5, 2)), DimensionMismatch);
  CHECK_THROWS_AS(energy_distance(random_matrix(2, 1, 1), random_matrix(2, 5, 2)), InvalidArgument);
}
