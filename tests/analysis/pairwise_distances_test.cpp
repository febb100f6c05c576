#include "diffarch/analysis/pairwise_distances.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Squared distances of all pairs are those of each", "[analysis]") {
  const Batch<double> x = test::random_matrix(5, 7, 1);
  Batch<double> y = test::random_matrix(5, 40, 2);
  y.col(3) = x.col(2);
  const Matrix<double> squared = detail::squared_distances(x, y);
  REQUIRE(squared.rows() == 7);
  REQUIRE(squared.cols() == 40);
  for (Index i = 0; i < x.cols(); ++i)
    for (Index j = 0; j < y.cols(); ++j)
      REQUIRE(squared(i, j) == Approx((x.col(i) - y.col(j)).squaredNorm()).margin(1e-13));
  REQUIRE(squared.minCoeff() >= 0.0);
}

}  // namespace
}  // namespace diffarch
