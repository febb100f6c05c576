#include "diffarch/solver/singular_values.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Singular values of matrices made from them", "[solver]") {
  // Columns of a Householder reflection are orthonormal to rounding.
  const auto orthonormal = [](Index rows, Index columns, unsigned seed) {
    const Vector<double> v = test::random_matrix(rows, 1, seed).col(0).normalized();
    return Matrix<double>((Matrix<double>::Identity(rows, rows) - 2.0 * v * v.transpose()).leftCols(columns));
  };
  const Vector<double> expected{{3.0, 1.0, 1.0, 1e-6, 1e-13}};
  const Matrix<double> matrix = orthonormal(9, 5, 1) * expected.asDiagonal() * orthonormal(5, 5, 2);
  const Vector<double> values = singular_values(matrix);
  REQUIRE(values.size() == 5);
  REQUIRE((values - expected).cwiseAbs().maxCoeff() < 1e-14);
  REQUIRE((singular_values<double>(matrix.transpose()) - expected).cwiseAbs().maxCoeff() < 1e-14);
  REQUIRE((singular_values<float>(matrix.cast<float>()) - expected).cwiseAbs().maxCoeff() < 1e-6);
}

TEST_CASE("Singular values of nothing, of zeros, and of what is not finite", "[solver]") {
  REQUIRE(singular_values(Matrix<double>(0, 4)).size() == 0);
  REQUIRE(singular_values<double>(Matrix<double>::Zero(3, 2)) == Vector<double>::Zero(2));
  REQUIRE(test::message_of<NumericalError>([] {
            return singular_values<double>(Matrix<double>::Constant(2, 3, std::numeric_limits<double>::quiet_NaN()));
          }) == "singular_values: an element of a (2, 3) matrix is not finite");
}

}  // namespace
}  // namespace diffarch
