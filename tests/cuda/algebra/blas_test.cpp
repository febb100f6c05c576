#include "diffarch/cuda/algebra/blas.hpp"

#include <limits>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using test::bitwise_equal;
using test::message_of;
using test::random_matrix;
using test::relative_difference;

template <class Scalar>
Matrix<Scalar> oriented(bool transpose, const Matrix<Scalar>& a) {
  return transpose ? Matrix<Scalar>(a.transpose()) : a;
}

template <class Scalar>
constexpr double product_rounding = 50.0 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());

TEMPLATE_TEST_CASE("gemm multiplies with every transpose, inside larger arrays too", "[cuda]", float, double) {
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true})
      for (const auto& [m, n, k] : std::vector<std::array<Index, 3>>{{1, 1, 1}, {7, 5, 3}, {33, 17, 65}}) {
        const Matrix<TestType> a = random_matrix<TestType>(m, k, 1);
        const Matrix<TestType> b = random_matrix<TestType>(k, n, 2);
        const Matrix<TestType> c = random_matrix<TestType>(m + 2, n, 3);
        const Matrix<TestType> stored_b = oriented(transpose_b, b);
        // A has two more rows than are used.
        Matrix<TestType> stored_a = random_matrix<TestType>((transpose_a ? k : m) + 2, transpose_a ? m : k, 4);
        stored_a.topRows(transpose_a ? k : m) = oriented(transpose_a, a);
        const auto device_a = DeviceArray<TestType>::upload(stored_a);
        const auto device_b = DeviceArray<TestType>::upload(stored_b);
        auto device_c = DeviceArray<TestType>::upload(c);
        cuda::gemm(transpose_a, transpose_b, m, n, k, TestType(2), device_a.data(), stored_a.rows(), device_b.data(),
                   stored_b.rows(), TestType(0.5), device_c.data(), m + 2);
        Matrix<TestType> expected = c;
        expected.topRows(m) = TestType(2) * a * b + TestType(0.5) * c.topRows(m);
        REQUIRE(relative_difference(device_c.download(), expected) < product_rounding<TestType>);
      }
}

TEMPLATE_TEST_CASE("Nothing is read of a result that is not added to, and nothing is done of size zero", "[cuda]",
                   float, double) {
  const auto a = DeviceArray<TestType>::upload(random_matrix<TestType>(3, 4, 1));
  const auto b = DeviceArray<TestType>::upload(random_matrix<TestType>(4, 2, 2));
  DeviceArray<TestType> c(3, 2);
  cuda::gemm(false, false, 3, 2, 4, TestType(1), a.data(), 3, b.data(), 4, TestType(0), c.data(), 3);
  const Matrix<TestType> product = c.download();
  REQUIRE(product.allFinite());
  cuda::gemm(false, false, 3, 0, 4, TestType(1), a.data(), 3, b.data(), 4, TestType(0), c.data(), 3);
  cuda::syrk(false, 0, 4, TestType(1), a.data(), 3, TestType(0), c.data(), 3);
  cuda::solve_lower(false, 0, 2, a.data(), 3, c.data(), 3);
  REQUIRE(bitwise_equal(c.download(), product));
}

TEMPLATE_TEST_CASE("A batch of products, one operand shared by all", "[cuda]", float, double) {
  const Matrix<TestType> a = random_matrix<TestType>(5, 4, 1);
  const Matrix<TestType> b = random_matrix<TestType>(4, 3 * 6, 2);
  const auto device_a = DeviceArray<TestType>::upload(a);
  const auto device_b = DeviceArray<TestType>::upload(b);
  DeviceArray<TestType> c(5, 3 * 6);
  cuda::gemm_batch(false, false, 5, 3, 4, TestType(1), device_a.data(), 5, 0, device_b.data(), 4, 12, TestType(0),
                   c.data(), 5, 15, 6);
  REQUIRE(relative_difference(c.download(), a * b) < product_rounding<TestType>);
}

TEMPLATE_TEST_CASE("syrk writes the lower triangle and leaves the upper one alone", "[cuda]", float, double) {
  const Matrix<TestType> a = random_matrix<TestType>(6, 9, 1);
  const Matrix<TestType> before = random_matrix<TestType>(6, 6, 2);
  for (const bool transpose : {false, true}) {
    const auto device_a = DeviceArray<TestType>::upload(oriented(transpose, a));
    auto c = DeviceArray<TestType>::upload(before);
    cuda::syrk(transpose, 6, 9, TestType(1), device_a.data(), transpose ? 9 : 6, TestType(2), c.data(), 6);
    Matrix<TestType> expected = before;
    expected.template triangularView<Eigen::Lower>() = a * a.transpose() + TestType(2) * before;
    const Matrix<TestType> result = c.download();
    REQUIRE(relative_difference(result, expected) < product_rounding<TestType>);
    for (Index j = 1; j < 6; ++j)
      REQUIRE(bitwise_equal(Matrix<TestType>(result.col(j).head(j)), Matrix<TestType>(before.col(j).head(j))));
  }
}

TEMPLATE_TEST_CASE("Triangular systems are solved, alone and in batches", "[cuda]", float, double) {
  const Index n = 5;
  Matrix<TestType> l = random_matrix<TestType>(n, n, 1);
  l.diagonal().array() = TestType(3);
  const Matrix<TestType> lower = l.template triangularView<Eigen::Lower>();  // what stands above is not read
  const Matrix<TestType> b = random_matrix<TestType>(n, 8, 2);
  const auto device_l = DeviceArray<TestType>::upload(l);
  for (const bool transpose : {false, true}) {
    auto x = DeviceArray<TestType>::upload(b);
    cuda::solve_lower(transpose, n, 8, device_l.data(), n, x.data(), n);
    REQUIRE(relative_difference(oriented(transpose, lower) * x.download(), b) < product_rounding<TestType>);
    auto halves = DeviceArray<TestType>::upload(b);
    const Eigen::Matrix<const TestType*, Eigen::Dynamic, 1> factors{{device_l.data(), device_l.data()}};
    const Eigen::Matrix<TestType*, Eigen::Dynamic, 1> sides{{halves.data(), halves.column(4)}};
    const auto device_factors = DeviceArray<const TestType*>::upload(factors);
    const auto device_sides = DeviceArray<TestType*>::upload(sides);
    cuda::solve_lower_batch(transpose, n, 4, device_factors.data(), n, device_sides.data(), n, 2);
    REQUIRE(relative_difference(halves.download(), x.download()) < product_rounding<TestType>);
  }
}

TEST_CASE("Arguments that cuBLAS refuses are an exception that names the product", "[cuda]") {
  const auto a = DeviceArray<float>::upload(random_matrix<float>(4, 3, 1));
  DeviceArray<float> c(4, 3);
  REQUIRE(message_of<CudaError>([&] {
            cuda::gemm(false, false, 4, 3, 3, 1.0F, a.data(), 2, a.data(), 4, 0.0F, c.data(), 4);
          }) == "cuBLAS: gemm (4, 3) x (3, 3): CUBLAS_STATUS_INVALID_VALUE");
  REQUIRE(message_of<CudaError>([&] {
            cuda::gemm(false, false, Index{1} << 31, 3, 3, 1.0F, a.data(), 4, a.data(), 4, 0.0F, c.data(), 4);
          }) == "cuBLAS: a size of 2147483648; expected less than 2^31");
}

}  // namespace
}  // namespace diffarch
