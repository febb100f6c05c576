#include "diffarch/solver/symmetric_solve.hpp"

#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("A positive-definite system is solved, however badly it is scaled", "[solver]") {
  const Matrix<double> a = random_matrix(6, 20, 1);
  const Vector<double> scale{{1e-8, 1.0, 1e6, 1e-3, 1e9, 1.0}};
  const Matrix<double> m = scale.asDiagonal() * Matrix<double>(a * a.transpose()) * scale.asDiagonal();
  const Matrix<double> x = random_matrix(6, 3, 2);
  const auto solution = solve_symmetric(m, Matrix<double>(m * (scale.cwiseInverse().asDiagonal() * x)));
  CHECK(relative_difference(Matrix<double>(scale.asDiagonal() * solution.x), x) < 1e-12);
  CHECK(solution.condition < 100.0);
}

TEST_CASE("The condition is that of the matrix scaled to a unit diagonal", "[solver]") {
  const Matrix<double> m{{4.0, 0.8}, {0.8, 1.0}};  // correlation 0.4: eigenvalues 1.4 and 0.6
  CHECK(solve_symmetric(m, Matrix<double>(Matrix<double>::Ones(2, 1))).condition == Approx(1.4 / 0.6));
}

TEST_CASE("An indefinite system has condition infinity", "[solver]") {
  const Matrix<double> m{{1.0, 2.0}, {2.0, 1.0}};
  const auto solution = solve_symmetric(m, Matrix<double>(Matrix<double>::Ones(2, 1)));
  CHECK(std::isinf(solution.condition));
  CHECK(solution.x.isZero());
}
