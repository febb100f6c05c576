#include "diffarch/solver/cross_validation.hpp"

#include "diffarch/solver/linear_algebra.hpp"
#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("The cross-validated ridge is the one found by fitting and testing on samples", "[solver]") {
  // Ridge regression of noisy targets on 15 features, 40 samples, 4 folds; by hand: residuals of the fold left out.
  const Matrix<double> h = random_matrix(15, 40, 1);
  const Matrix<double> target = random_matrix(2, 15, 2) * h + 4.0 * random_matrix(2, 40, 3);
  std::vector<FoldProblem> folds;
  for (Index f = 0; f < 4; ++f) {
    const auto hf = h.middleCols(10 * f, 10);
    folds.push_back({0.25, hf * hf.transpose() / 10.0, hf * target.middleCols(10 * f, 10).transpose() / 10.0});
  }
  const auto solve = [](Matrix<double> normal, const Matrix<double>& right, double ridge) {
    normal.diagonal().array() += ridge;
    return Matrix<double>(normal.llt().solve(right));
  };
  const std::vector<double> ridges{1e-4, 1e-2, 0.1, 0.3, 1.0, 3.0, 30.0};
  double least = std::numeric_limits<double>::infinity();
  double expected = 0.0;
  for (const double ridge : ridges) {
    double error = 0.0;
    for (Index f = 0; f < 4; ++f) {
      Matrix<double> others(15, 30);
      Matrix<double> values(2, 30);
      others << h.leftCols(10 * f), h.rightCols(30 - 10 * f);
      values << target.leftCols(10 * f), target.rightCols(30 - 10 * f);
      const Matrix<double> x = solve(others * others.transpose() / 30.0, others * values.transpose() / 30.0, ridge);
      error += (target.middleCols(10 * f, 10) - x.transpose() * h.middleCols(10 * f, 10)).squaredNorm();
    }
    if (error < least) {
      least = error;
      expected = ridge;
    }
  }
  const auto without = [&](std::ptrdiff_t) -> const auto& { return folds; };
  CHECK(expected > 0.05);
  CHECK(expected < 30.0);
  const ChosenRidge chosen = cross_validated_ridge(ridges, 4, without, solve);
  CHECK(chosen.ridge == expected);
  CHECK(chosen.left_out_error == Approx((least - target.squaredNorm()) / 40.0).epsilon(1e-12));
  CHECK(cross_validated_ridge({0.7}, 4, without, solve).ridge == 0.7);
  CHECK(std::isinf(cross_validated_ridge({0.7}, 4, without, solve).left_out_error));
  const FoldProblem all = join_folds(folds);
  CHECK(relative_difference(all.normal, Matrix<double>(h * h.transpose() / 40.0)) < 1e-14);
  CHECK(all.weight == Approx(1.0));
}
