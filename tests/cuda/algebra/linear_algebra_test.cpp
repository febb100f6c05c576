#include "diffarch/cuda/algebra/linear_algebra.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

using Device = LinearAlgebra<Cuda>;
using Host = LinearAlgebra<Cpu>;
using test::random_matrix;
using test::relative_difference;

template <class Scalar>
constexpr double tolerance = std::is_same_v<Scalar, float> ? 1e-6 : 1e-12;

TEMPLATE_TEST_CASE("Products on the device are those of the host", "[cuda]", float, double) {
  // Fewer columns than a panel of 128, a whole number of panels, and more.
  for (const Index columns : {1, 127, 128, 129, 300}) {
    INFO(columns << " columns");
    const auto a = random_matrix<TestType>(40, 33, 1);
    const auto b = random_matrix<TestType>(33, columns, 2);
    const auto c = random_matrix<TestType>(40, columns, 3);
    REQUIRE(relative_difference(Device::multiply(Cuda::upload(a), Cuda::upload(b)).download(), Host::multiply(a, b)) <
            tolerance<TestType>);
    REQUIRE(relative_difference(Device::multiply_transposed(Cuda::upload(a), Cuda::upload(c)).download(),
                                Host::multiply_transposed(a, c)) < tolerance<TestType>);
  }
}

TEMPLATE_TEST_CASE("A column of a product does not know of the others", "[cuda]", float, double) {
  const auto a = Cuda::upload(random_matrix<TestType>(50, 70, 1));
  const auto b = random_matrix<TestType>(70, 200, 2);
  const Batch<TestType> all = Device::multiply(a, Cuda::upload(b)).download();
  for (const Index column : {0, 5, 130, 199}) {
    const Batch<TestType> alone = Device::multiply(a, Cuda::upload(Batch<TestType>(b.col(column)))).download();
    REQUIRE(test::bitwise_equal(alone, Batch<TestType>(all.col(column))));
  }
}

TEMPLATE_TEST_CASE("Gram matrix, scatter and basis of the device are those of the host", "[cuda]", float, double) {
  const auto x = test::correlated_samples<TestType>(30, 20, 4);
  const Vector<double> mean = x.template cast<double>().rowwise().mean();
  const auto w = random_matrix<TestType>(20, 7, 5);
  const auto device_x = Cuda::upload(x);
  REQUIRE(relative_difference(Device::centred_gram(device_x, mean).download(), Host::centred_gram(x, mean)) < 1e-13);
  REQUIRE(relative_difference(Device::centred_scatter(device_x, mean).download(), Host::centred_scatter(x, mean)) <
          1e-13);
  REQUIRE(relative_difference(Device::centred_multiply(device_x, mean, Cuda::upload(w)).download(),
                              Host::centred_multiply(x, mean, w)) < tolerance<TestType>);
}

TEST_CASE("Eigenvalues and eigenvectors of the device are those of the host, with their order and signs", "[cuda]") {
  const Matrix<double> root = random_matrix(25, 25, 6);
  const Matrix<double> m = root * root.transpose();
  const auto eigen = Device::symmetric_eigen(Cuda::upload(m));
  const auto expected = Host::symmetric_eigen(m);
  REQUIRE(relative_difference(eigen.values, expected.values) < 1e-12);
  REQUIRE(relative_difference(eigen.vectors.download(), expected.vectors) < 1e-11);
}

TEMPLATE_TEST_CASE("Cholesky factors and their solutions are those of the host", "[cuda]", float, double) {
  Matrix<TestType> m = Host::multiply_by_transpose(random_matrix<TestType>(20, 60, 7));
  m /= TestType(60);
  const auto device_m = Cuda::upload(m);
  REQUIRE(relative_difference(Device::cholesky(device_m).download(), Host::cholesky(m)) < 10 * tolerance<TestType>);
  const auto b = random_matrix<TestType>(20, 150, 8);
  REQUIRE(relative_difference(Device::cholesky_solve(Device::cholesky(device_m), Cuda::upload(b)).download(),
                              Host::cholesky_solve(Host::cholesky(m), b)) < 10 * tolerance<TestType>);
  m(4, 4) = TestType(-1);
  REQUIRE_THAT(test::message_of<NumericalError>([&] { static_cast<void>(Device::cholesky(Cuda::upload(m))); }),
               ContainsSubstring("(20, 20) matrix is not positive definite"));
}

TEMPLATE_TEST_CASE("a a^T is symmetric, and adds to the lower triangle alone", "[cuda]", float, double) {
  const auto a = random_matrix<TestType>(15, 9, 9);
  REQUIRE(relative_difference(Device::multiply_by_transpose(Cuda::upload(a)).download(),
                              Host::multiply_by_transpose(a)) < tolerance<TestType>);
  const auto start = random_matrix<TestType>(15, 15, 10);
  auto lower = Cuda::upload(start);
  Device::add_multiply_by_transpose(lower, Cuda::upload(a));
  const Matrix<TestType> sum = lower.download();
  const Matrix<TestType> upper = sum.template triangularView<Eigen::StrictlyUpper>();
  REQUIRE(test::bitwise_equal(upper, Matrix<TestType>(start.template triangularView<Eigen::StrictlyUpper>())));
}

TEST_CASE("Shapes that do not fit are refused with both of them", "[cuda]") {
  const cuda::DeviceArray<double> a(3, 4);
  REQUIRE(test::message_of<DimensionMismatch>([&] { static_cast<void>(Device::multiply(a, a)); }) ==
          "multiply: (3, 4) times (3, 4)");
  REQUIRE_THAT(test::message_of<DimensionMismatch>([&] { static_cast<void>(Device::cholesky(a)); }),
               ContainsSubstring("(3, 4)"));
}

}  // namespace
}  // namespace diffarch
