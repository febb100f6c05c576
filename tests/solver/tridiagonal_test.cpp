#include "diffarch/solver/tridiagonal.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::random_matrix;
using test::real;

Matrix<double> dense(const Tridiagonal<double>& t) {
  Matrix<double> matrix = t.diagonal.asDiagonal();
  for (Index i = 0; i < t.subdiagonal.size(); ++i) matrix(i + 1, i) = matrix(i, i + 1) = t.subdiagonal(i);
  return matrix;
}

TEST_CASE("A symmetric matrix is Q T Q^T of its tridiagonal form", "[solver]") {
  // On both sides of a panel (32), of the blocks that threads share (64, 128), and of several of each.
  for (const Index n : {1, 2, 3, 31, 33, 34, 65, 130, 300}) {
    const Matrix<double> root = random_matrix(n, n, 7);
    const Matrix<double> matrix = root + root.transpose();
    const Tridiagonal<double> t = tridiagonalise(matrix);
    const Matrix<double> q = t.basis();
    const double tolerance = 10.0 * real(n) * std::numeric_limits<double>::epsilon();
    REQUIRE((q.transpose() * q - Matrix<double>::Identity(n, n)).cwiseAbs().maxCoeff() < tolerance);
    REQUIRE((q * dense(t) * q.transpose() - matrix).norm() < tolerance * matrix.norm());
  }
}

TEST_CASE("What is tridiagonal already keeps its diagonal, and zero stays zero", "[solver]") {
  const Matrix<double> matrix{{1, 2, 0, 0}, {2, -3, 4, 0}, {0, 4, 5, 0}, {0, 0, 0, 6}};
  const Tridiagonal<double> t = tridiagonalise(matrix);
  REQUIRE(t.diagonal == matrix.diagonal());
  REQUIRE(t.subdiagonal.cwiseAbs() == Vector<double>(matrix.diagonal(-1).cwiseAbs()));
  const Tridiagonal<double> zero = tridiagonalise<double>(Matrix<double>::Zero(40, 40));
  REQUIRE(dense(zero).isZero(0.0));
  REQUIRE(zero.basis() == Matrix<double>::Identity(40, 40));
  REQUIRE(tridiagonalise(Matrix<double>(0, 0)).basis().size() == 0);
}

TEST_CASE("The tridiagonal form reads the lower triangle, and has the same bits for one and two threads", "[solver]") {
  const Index n = 300;
  const Matrix<double> matrix = random_matrix(n, n, 8);
  Matrix<double> lower = matrix;
  lower.triangularView<Eigen::StrictlyUpper>().setConstant(std::numeric_limits<double>::quiet_NaN());
  const auto of = [](const Matrix<double>& m, int threads) {
    const test::ThreadCount guard(threads);
    const Tridiagonal<double> t = tridiagonalise(m);
    return std::make_tuple(t.diagonal, t.subdiagonal, t.basis());
  };
  const auto [diagonal, subdiagonal, basis] = of(matrix, 1);
  for (const auto& other : {of(matrix, 2), of(lower, 2)}) {
    REQUIRE(bitwise_equal(diagonal, std::get<0>(other)));
    REQUIRE(bitwise_equal(subdiagonal, std::get<1>(other)));
    REQUIRE(bitwise_equal(basis, std::get<2>(other)));
  }
}

TEST_CASE("A matrix that is not square has no tridiagonal form", "[solver]") {
  REQUIRE(test::message_of<DimensionMismatch>([] { return tridiagonalise(Matrix<double>(3, 2)); }) ==
          "tridiagonalise: the matrix is (3, 2)");
}

}  // namespace
}  // namespace diffarch
