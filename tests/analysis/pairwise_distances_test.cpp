#include "diffarch/analysis/pairwise_distances.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Distances of all pairs are those of each, also far from the origin", "[analysis]") {
  const double offset = GENERATE(0.0, 1e8);
  const Batch<double> x = test::random_matrix(5, 7, 1).array() + offset;
  Batch<double> y = test::random_matrix(5, 40, 2).array() + offset;
  y.col(3) = x.col(2);
  Index reports = 0;
  const ProgressCallback count = [&](const Progress& /*progress*/) { ++reports; };
  ProgressReporter progress(count, "distances", 40);
  const Matrix<double> distances = detail::pairwise_distances(x, y, progress);
  REQUIRE(distances.rows() == 7);
  REQUIRE(distances.cols() == 40);
  REQUIRE(reports == 40);
  double sum = 0.0;
  for (Index i = 0; i < x.cols(); ++i)
    for (Index j = 0; j < y.cols(); ++j) {
      sum += (x.col(i) - y.col(j)).norm();
      REQUIRE(distances(i, j) == Approx((x.col(i) - y.col(j)).norm()).epsilon(1e-14));
    }
  REQUIRE(distances(2, 3) == 0.0);
  REQUIRE(detail::sum_of_distances(x, y, detail::Pairs::all, progress) == Approx(sum).epsilon(1e-13));
  REQUIRE(detail::sum_of_distances(y, y, detail::Pairs::below, progress) ==
          Approx(0.5 * detail::pairwise_distances(y, y, progress).sum()).epsilon(1e-13));
}

}  // namespace
}  // namespace diffarch
