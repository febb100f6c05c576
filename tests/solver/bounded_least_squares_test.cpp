#include "diffarch/solver/bounded_least_squares.hpp"

#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("The bounded minimum satisfies the Karush-Kuhn-Tucker conditions", "[solver]") {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const Matrix<double> a = random_matrix(40, 45, seed);
    const Matrix<double> m = a * a.transpose() + 0.1 * Matrix<double>::Identity(40, 40);
    const Vector<double> b = 20.0 * random_matrix(40, 1, 100 + seed).col(0);
    constexpr Index first_bounded = 10;
    const Vector<double> x = bounded_least_squares(m, b, first_bounded);
    const Vector<double> gradient = m * x - b;
    const double tolerance = 1e-9 * b.cwiseAbs().maxCoeff();
    Index at_bound = 0;
    for (Index i = 0; i < 40; ++i) {
      if (i >= first_bounded) CHECK(x(i) <= 0.0);
      if (i >= first_bounded && x(i) == 0.0) {
        ++at_bound;
        CHECK(gradient(i) <= tolerance);
      } else {
        CHECK(std::abs(gradient(i)) <= tolerance);
      }
    }
    CHECK(at_bound > 5);
    CHECK(at_bound < 30);
  }
}

TEST_CASE("Without bounds it is the linear solution", "[solver]") {
  const Matrix<double> a = random_matrix(8, 20, 1);
  const Matrix<double> m = a * a.transpose();
  const Vector<double> x = random_matrix(8, 1, 2).col(0);
  CHECK(relative_difference(bounded_least_squares(m, Vector<double>(m * x), 8), x) < 1e-10);
  CHECK_THROWS_AS(bounded_least_squares(Matrix<double>(-m), x, 8), NumericalError);
}
