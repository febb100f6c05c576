#include "diffarch/solver/host_algebra.hpp"

#include <Eigen/Cholesky>

#include "support.hpp"
#include "tested_backend.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("A backend multiplies and solves for the host", "[solver]") {
  using Algebra = HostAlgebra<TestedBackend>;
  const Matrix<double> a = random_matrix(7, 5, 1);
  const Matrix<double> b = random_matrix(5, 9, 2);
  CHECK(relative_difference(Algebra::multiply(a, b), Matrix<double>(a * b)) < 1e-14);
  CHECK(relative_difference(Algebra::multiply_transposed(Matrix<double>(a.transpose()), b), Matrix<double>(a * b)) <
        1e-14);
  CHECK(relative_difference(Algebra::multiply_by_transpose(a), Matrix<double>(a * a.transpose())) < 1e-14);

  Matrix<double> m = b.transpose() * b + Matrix<double>::Identity(9, 9);
  const Matrix<double> right = random_matrix(9, 3, 3);
  const Matrix<double> expected = m.ldlt().solve(right);
  m.triangularView<Eigen::StrictlyUpper>().setConstant(std::numeric_limits<double>::quiet_NaN());
  CHECK(relative_difference(Algebra::solve(m, right), expected) < 1e-12);
  CHECK_THROWS_AS(Algebra::solve(Matrix<double>(-m), right), NumericalError);
}
