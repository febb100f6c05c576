#include "diffarch/cuda/algebra/factorisation.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using test::bitwise_equal;
using test::message_of;
using test::random_matrix;
using test::relative_difference;

template <class Scalar>
Matrix<Scalar> positive_definite(Index n, unsigned seed) {
  const Matrix<Scalar> root = random_matrix<Scalar>(n, 2 * n, seed);
  return root * root.transpose() / static_cast<Scalar>(n) + Matrix<Scalar>::Identity(n, n);
}

template <class Scalar>
constexpr double factor_rounding = 200.0 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());

TEMPLATE_TEST_CASE("The lower triangle becomes the Cholesky factor", "[cuda]", float, double) {
  for (const Index n : {0, 1, 2, 33}) {
    Matrix<TestType> m = positive_definite<TestType>(n, 1);
    auto factor = DeviceArray<TestType>::upload(m);
    cuda::cholesky_in_place(factor);
    const Matrix<TestType> result = factor.download();
    const Matrix<TestType> l = result.template triangularView<Eigen::Lower>();
    if (n > 0) REQUIRE(relative_difference(l * l.transpose(), m) < factor_rounding<TestType>);
    for (Index j = 1; j < n; ++j)
      REQUIRE(bitwise_equal(Matrix<TestType>(result.col(j).head(j)), Matrix<TestType>(m.col(j).head(j))));
  }
}

TEST_CASE("A matrix that is not positive definite is refused with the order of the minor", "[cuda]") {
  Matrix<double> m = positive_definite<double>(5, 2);
  m(2, 2) = -1.0;
  auto factor = DeviceArray<double>::upload(m);
  REQUIRE(message_of<NumericalError>([&] { cuda::cholesky_in_place(factor); }) ==
          "cholesky: a (5, 5) matrix is not positive definite: its leading minor of order 3 is not");
  DeviceArray<double> oblong(2, 3);
  REQUIRE(message_of<DimensionMismatch>([&] { cuda::cholesky_in_place(oblong); }) == "cholesky: the matrix is (2, 3)");
}

TEMPLATE_TEST_CASE("Many matrices are factorised at once, and each says whether it could be", "[cuda]", float, double) {
  const Index n = 4;
  Matrix<TestType> all(n, 3 * n);
  all << positive_definite<TestType>(n, 3), positive_definite<TestType>(n, 4), positive_definite<TestType>(n, 5);
  all(0, n) = TestType(-1);  // the second one
  auto device = DeviceArray<TestType>::upload(all);
  const Eigen::Matrix<TestType*, Eigen::Dynamic, 1> addresses{{device.data(), device.column(n), device.column(2 * n)}};
  auto device_addresses = DeviceArray<TestType*>::upload(addresses);
  DeviceArray<int> info(3, 1);
  cuda::cholesky_batch(n, device_addresses.data(), n, info.data(), 3);
  const auto problems = info.download();
  REQUIRE(problems(0, 0) == 0);
  REQUIRE(problems(1, 0) == 1);
  REQUIRE(problems(2, 0) == 0);
  const Matrix<TestType> result = device.download();
  for (const Index k : {0, 2}) {
    const Matrix<TestType> l = Matrix<TestType>(result.middleCols(k * n, n)).template triangularView<Eigen::Lower>();
    REQUIRE(relative_difference(l * l.transpose(), all.middleCols(k * n, n)) < factor_rounding<TestType>);
  }
}

TEST_CASE("Eigenvalues increase and the matrix becomes its eigenvectors", "[cuda]") {
  for (const Index n : {1, 2, 40}) {
    const Matrix<double> m = positive_definite<double>(n, 6);
    Matrix<double> stored = m;
    stored.triangularView<Eigen::StrictlyUpper>().setConstant(99.0);  // is not read
    auto vectors = DeviceArray<double>::upload(stored);
    const Vector<double> values = cuda::symmetric_eigen_in_place(vectors).download().col(0);
    const Matrix<double> v = vectors.download();
    for (Index i = 1; i < n; ++i) REQUIRE(values(i - 1) <= values(i));
    REQUIRE((v.transpose() * v - Matrix<double>::Identity(n, n)).cwiseAbs().maxCoeff() < 1e-13);
    REQUIRE(relative_difference(v * values.asDiagonal() * v.transpose(), m) < 1e-13);
  }
  DeviceArray<double> oblong(2, 3);
  REQUIRE(message_of<DimensionMismatch>([&] { return cuda::symmetric_eigen_in_place(oblong); }) ==
          "symmetric_eigen: the matrix is (2, 3)");
}

}  // namespace
}  // namespace diffarch
