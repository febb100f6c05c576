#include "diffarch/solver/tridiagonal_qr.hpp"

#include <limits>
#include <numbers>

#include "support.hpp"

namespace diffarch {
namespace {

using test::random_matrix;
using test::real;

Vector<double> sorted(Vector<double> values) {
  std::sort(values.begin(), values.end());
  return values;
}

TEST_CASE("Eigenvalues and eigenvectors of second differences are cosines and sines", "[solver]") {
  const Index n = 75;
  TridiagonalQr<double> qr(Vector<double>::Constant(n, 0.5), Vector<double>::Constant(n - 1, -0.25));
  Matrix<double> basis = Matrix<double>::Identity(n, n);
  detail::diagonalise(qr, basis);
  REQUIRE(qr.converged());
  const Vector<double> values = qr.values();
  for (Index column = 0; column < n; ++column) {
    // Eigenvalue k is (1 - cos(k pi / (n + 1))) / 2.
    const double angle = std::acos(1.0 - 2.0 * values(column));
    const double k = std::round(angle * real(n + 1) / std::numbers::pi);
    REQUIRE(std::abs(values(column) - 0.5 * (1.0 - std::cos(k * std::numbers::pi / real(n + 1)))) < 1e-15);
    Vector<double> sine(n);
    for (Index i = 0; i < n; ++i) sine(i) = std::sin(real(i + 1) * k * std::numbers::pi / real(n + 1));
    REQUIRE(std::abs(std::abs(sine.normalized().dot(basis.col(column))) - 1.0) < 1e-13);
  }
  // All n, and each once: their sum and the sum of their squares are those of the matrix.
  REQUIRE(std::abs(values.sum() - 0.5 * real(n)) < 1e-13);
  REQUIRE(std::abs(values.squaredNorm() - (0.25 * real(n) + 0.125 * real(n - 1))) < 1e-13);
}

TEST_CASE("Steps without a basis give the same eigenvalues, bit for bit", "[solver]") {
  const Vector<double> diagonal = random_matrix(90, 1, 3).col(0) / 4.0;
  const Vector<double> subdiagonal = random_matrix(89, 1, 4).col(0) / 4.0;
  TridiagonalQr<double> with(diagonal, subdiagonal);
  Matrix<double> basis = Matrix<double>::Identity(90, 90);
  detail::diagonalise(with, basis);
  TridiagonalQr<double> without(diagonal, subdiagonal);
  without.run();
  REQUIRE(test::bitwise_equal(with.values(), without.values()));
}

TEST_CASE("A matrix that falls apart is solved in its parts", "[solver]") {
  // [[a, b], [b, a]] has a - b and a + b; the parts are of sizes 2, 1 and 2.
  TridiagonalQr<double> qr(Vector<double>{{0.5, 0.5, 0.3, -0.2, -0.2}}, Vector<double>{{0.25, 0.0, 1e-200, 0.1}});
  qr.run();
  REQUIRE(qr.converged());
  REQUIRE((sorted(qr.values()) - Vector<double>{{-0.3, -0.1, 0.25, 0.3, 0.75}}).cwiseAbs().maxCoeff() < 1e-15);
  TridiagonalQr<double> diagonal(Vector<double>{{0.3, 0.1}}, Vector<double>{{0.0}});
  diagonal.run();
  REQUIRE(diagonal.values() == Vector<double>{{0.3, 0.1}});
}

TEST_CASE("Columns are turned by one rotation after the other", "[solver]") {
  // Sweeps that start and end at columns of both parities, one that is empty, and one over all columns.
  const Index n = 41;
  using Sweeps = RotationSweeps<double>;
  Sweeps sweeps(n);
  sweeps.first = 0;
  sweeps.last = n - 1;
  const Matrix<double> start = random_matrix(detail::turned_rows, n, 5);
  Matrix<double> expected = start;
  for (Index sweep = 0; sweep < Sweeps::count; ++sweep) {
    if (sweep == 3) continue;
    for (Index k = sweep; k < (sweep == 0 ? n - 1 : n - 1 - sweep / 3); ++k) {
      const double angle = 0.1 + real(sweep) + 0.7 * real(k);
      sweeps.cosines(Sweeps::margin + k, sweep) = std::cos(angle);
      sweeps.sines(Sweeps::margin + k, sweep) = std::sin(angle);
      const Vector<double> left = expected.col(k);
      expected.col(k) = std::cos(angle) * left + std::sin(angle) * expected.col(k + 1);
      expected.col(k + 1) = std::cos(angle) * expected.col(k + 1) - std::sin(angle) * left;
    }
  }
  Matrix<double> rows = Matrix<double>::Zero(detail::turned_rows, n + 2 * Sweeps::margin);
  rows.middleCols(Sweeps::margin, n) = start;
  detail::turn(rows, sweeps);
  REQUIRE(test::relative_difference(Matrix<double>(rows.middleCols(Sweeps::margin, n)), expected) < 1e-14);
  REQUIRE(rows.leftCols(Sweeps::margin).isZero(0.0));
  REQUIRE(rows.rightCols(Sweeps::margin).isZero(0.0));
}

TEST_CASE("Steps that do not converge come to an end and say so", "[solver]") {
  TridiagonalQr<double> qr(Vector<double>{{0.1, 0.2, 0.3}},
                           Vector<double>{{std::numeric_limits<double>::quiet_NaN(), 0.5}});
  qr.run();
  REQUIRE_FALSE(qr.converged());
}

}  // namespace
}  // namespace diffarch
