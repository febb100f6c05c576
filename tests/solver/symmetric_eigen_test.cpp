#include "diffarch/solver/symmetric_eigen.hpp"

#include <limits>

#include "oracles.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::message_of;
using test::random_matrix;
using test::real;

struct Modes {
  Vector<double> values;
  Matrix<double> vectors;
};

Modes modes_of(const Matrix<double>& matrix) {
  Modes modes;
  modes.values = detail::symmetric_eigenvalues(matrix, "modes_of", &modes.vectors);
  return modes;
}

/// Largest error of eigenvalues, of orthonormality and of m v - lambda v, each relative to the largest eigenvalue.
double error_of(const Matrix<double>& matrix, const Modes& modes) {
  const Index n = matrix.rows();
  const double scale = std::max(modes.values.cwiseAbs().maxCoeff(), std::numeric_limits<double>::min());
  const Vector<test::Wide> expected = test::wide_eigenvalues((matrix / scale).cast<test::Wide>());
  const Matrix<double> residual = matrix / scale * modes.vectors - modes.vectors * (modes.values / scale).asDiagonal();
  return std::max({((modes.values / scale).cast<test::Wide>() - expected).cwiseAbs().cast<double>().maxCoeff(),
                   (modes.vectors.transpose() * modes.vectors - Matrix<double>::Identity(n, n)).cwiseAbs().maxCoeff(),
                   residual.cwiseAbs().maxCoeff()});
}

TEST_CASE("Eigenvalues are those of Eigen in long double, with orthonormal eigenvectors", "[solver]") {
  for (const Index n : {1, 2, 3, 10, 33, 64, 100, 201}) {
    const Matrix<double> root = random_matrix(n, n, 1);
    for (const Matrix<double>& matrix :
         {Matrix<double>(root + root.transpose()),                                              // indefinite
          Matrix<double>(root.leftCols((n + 1) / 2) * root.leftCols((n + 1) / 2).transpose()),  // half of them zero
          Matrix<double>(Matrix<double>::Identity(n, n)),                                       // all equal
          Matrix<double>(Matrix<double>::Ones(n, n)),                                           // all but one equal
          Matrix<double>::Zero(n, n).eval()}) {
      const Modes modes = modes_of(matrix);
      REQUIRE(std::is_sorted(modes.values.begin(), modes.values.end(), std::greater<>()));
      REQUIRE(error_of(matrix, modes) < 4.0 * real(n + 4) * std::numeric_limits<double>::epsilon());
      REQUIRE(bitwise_equal(detail::symmetric_eigenvalues(matrix, "without vectors"), modes.values));
    }
  }
}

TEST_CASE("Eigenvalues of very different size, in clusters, and of very large and small matrices", "[solver]") {
  const Index n = 80;
  const Matrix<double> q = test::jacobi_svd(random_matrix(n, n, 2)).u;
  Vector<double> spectrum(n);
  for (Index i = 0; i < n; ++i) spectrum(i) = std::pow(10.0, -real(i) / 4.0);
  Vector<double> clusters(n);
  for (Index i = 0; i < n; ++i) clusters(i) = real(i / 20) + 1e-13 * real(i % 20);
  for (const Vector<double>& values : {spectrum, clusters}) {
    const Matrix<double> product = q * values.asDiagonal() * q.transpose();
    const Matrix<double> matrix = 0.5 * (product + product.transpose());
    for (const double scale : {1.0, 1e-290, 1e290}) {
      const Modes modes = modes_of(scale * matrix);
      REQUIRE(error_of(scale * matrix, modes) < 4.0 * real(n) * std::numeric_limits<double>::epsilon());
    }
  }
  // Wilkinson's W21+: pairs of eigenvalues that agree to fourteen digits.
  Matrix<double> wilkinson = Matrix<double>::Zero(21, 21);
  for (Index i = 0; i < 21; ++i) wilkinson(i, i) = std::abs(10.0 - real(i));
  for (Index i = 1; i < 21; ++i) wilkinson(i, i - 1) = wilkinson(i - 1, i) = 1.0;
  const Modes modes = modes_of(wilkinson);
  REQUIRE(error_of(wilkinson, modes) < 100.0 * std::numeric_limits<double>::epsilon());
  REQUIRE(std::abs(modes.values(0) - 10.746194182903393) < 1e-14 * 10.0);  // Wilkinson 1965, page 309
  REQUIRE(std::abs(modes.values(1) - 10.746194182903322) < 1e-14 * 10.0);
}

TEST_CASE("The eigendecomposition reads the lower triangle, and has the same bits for one and two threads",
          "[solver]") {
  const Index n = 150;
  const Matrix<double> matrix = random_matrix(n, n, 3);
  Matrix<double> lower = matrix;
  lower.triangularView<Eigen::StrictlyUpper>().setConstant(std::numeric_limits<double>::infinity());
  const auto of = [](const Matrix<double>& m, int threads) {
    const test::ThreadCount guard(threads);
    return modes_of(m);
  };
  const Modes one = of(matrix, 1);
  for (const Modes& other : {of(matrix, 2), of(lower, 2)}) {
    REQUIRE(bitwise_equal(one.values, other.values));
    REQUIRE(bitwise_equal(one.vectors, other.vectors));
  }
}

TEST_CASE("No eigenvalues of nothing, of what is not square or not finite", "[solver]") {
  REQUIRE(detail::symmetric_eigenvalues(Matrix<double>(0, 0), "none").size() == 0);
  REQUIRE(message_of<DimensionMismatch>([] { return detail::symmetric_eigenvalues(Matrix<double>(2, 3), "a fit"); }) ==
          "a fit: the matrix is (2, 3)");
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Matrix<double> matrix = Matrix<double>::Identity(40, 40);
    matrix(20, 3) = bad;
    REQUIRE(message_of<NumericalError>([&] { return detail::symmetric_eigenvalues(matrix, "a fit"); }) ==
            "a fit: no convergence for a (40, 40) matrix");
  }
}

TEST_CASE("Signs make the first of the largest entries positive", "[solver]") {
  Matrix<double> vectors{{0.6, -0.5, -0.1}, {-0.8, 0.5 + 1e-8, 0.1}};
  detail::make_signs_definite(vectors);
  REQUIRE(vectors == Matrix<double>{{-0.6, 0.5, 0.1}, {0.8, -0.5 - 1e-8, -0.1}});
}

}  // namespace
}  // namespace diffarch
