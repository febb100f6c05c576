#include "diffarch/solver/linear_algebra.hpp"

#include <limits>
#include <random>

#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using Algebra = LinearAlgebra<test::TestedBackend>;
using test::bitwise_equal;
using test::message_of;
using test::random_matrix;
using test::real;
using test::relative_difference;
using test::ThreadCount;
using LongMatrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

/// Products of arrays of the host.
template <class A, class B>
auto multiply(const A& a, const B& b) {
  return test::download(Algebra::multiply(test::upload(a), test::upload(b)));
}
template <class A, class B>
auto multiply_transposed(const A& a, const B& b) {
  return test::download(Algebra::multiply_transposed(test::upload(a), test::upload(b)));
}

/// The product by its definition, in long double, and the sum of absolute values that bounds rounding errors.
struct NaiveProduct {
  LongMatrix value;
  LongMatrix magnitude;
};

template <class A, class B>
NaiveProduct naive_product(const A& a, const B& b) {
  const LongMatrix left = a.template cast<long double>();
  const LongMatrix right = b.template cast<long double>();
  const Index rows = left.rows();
  NaiveProduct product{LongMatrix::Zero(rows, right.cols()), LongMatrix::Zero(rows, right.cols())};
  for (Index j = 0; j < right.cols(); ++j)
    for (Index k = 0; k < left.cols(); ++k) {
      // By pointers: at -O1 an element of Eigen's costs more than its product.
      const long double* terms = left.data() + k * rows;
      long double* value = product.value.data() + j * rows;
      long double* magnitude = product.magnitude.data() + j * rows;
      const long double factor = right(k, j);
      for (Index i = 0; i < rows; ++i) {
        value[i] += terms[i] * factor;
        magnitude[i] += std::abs(terms[i] * factor);
      }
    }
  return product;
}

/// Whether every element is within depth * epsilon * sum |a||b| of the exact product: the bound that holds for any
/// order of summation, with or without fused multiply-add (Higham 2002, section 3.1).
template <class M>
bool within_rounding(const M& result, const NaiveProduct& expected, Index depth) {
  const auto bound = static_cast<long double>(depth + 2) *
                     static_cast<long double>(std::numeric_limits<typename M::Scalar>::epsilon());
  return ((result.template cast<long double>() - expected.value).cwiseAbs().array() <=
          bound * expected.magnitude.array())
      .all();
}

TEMPLATE_TEST_CASE("multiply and multiply_transposed give the product to rounding", "[solver]", float, double) {
  // Sizes on both sides of a panel (32 columns) and of a task (256 rows or columns).
  for (const auto& [rows, depth, columns] : std::vector<std::array<Index, 3>>{
           {1, 1, 1}, {3, 2, 5}, {1, 300, 33}, {257, 5, 32}, {40, 700, 7}, {100, 3, 300}, {0, 4, 5}, {4, 5, 0}}) {
    INFO(rows << " x " << depth << " x " << columns);
    const Matrix<TestType> a = random_matrix<TestType>(rows, depth, 1);
    const Matrix<TestType> b = random_matrix<TestType>(depth, columns, 2);
    const NaiveProduct expected = naive_product(a, b);
    const Matrix<TestType> product = multiply(a, b);
    REQUIRE(product.rows() == rows);
    REQUIRE(product.cols() == columns);
    REQUIRE(within_rounding(product, expected, depth));
    const Matrix<TestType> transposed = a.transpose();
    REQUIRE(within_rounding(multiply_transposed(transposed, b), expected, depth));
  }
}

TEST_CASE("A product over no terms is zero", "[solver]") {
  const Matrix<double> product = multiply(Matrix<double>(3, 0), Matrix<double>(0, 40));
  REQUIRE(bitwise_equal(product, Matrix<double>(Matrix<double>::Zero(3, 40))));
}

TEMPLATE_TEST_CASE("multiply_lower is the product with a lower triangle", "[solver]", float, double) {
  for (const auto& [size, columns] : std::vector<std::pair<Index, Index>>{{1, 1}, {5, 40}, {256, 3}, {600, 290}}) {
    INFO(size << ", " << columns);
    const Matrix<TestType> l =
        random_matrix<TestType>(size, size, 3).template triangularView<Eigen::Lower>().toDenseMatrix();
    const Matrix<TestType> b = random_matrix<TestType>(size, columns, 4);
    const auto placed = test::upload(l);
    const Matrix<TestType> product = test::download(Algebra::multiply_lower(placed, test::upload(b)));
    REQUIRE(within_rounding(product, naive_product(l, b), size));
    const Matrix<TestType> last = b.rightCols(1);
    REQUIRE((diffarch::detail::blas_multiplies ||
             bitwise_equal(test::download(Algebra::multiply_lower(placed, test::upload(last))),
                           Matrix<TestType>(product.rightCols(1)))));
  }
  const Matrix<TestType> wide = random_matrix<TestType>(3, 4, 1);
  REQUIRE(message_of<DimensionMismatch>([&] {
            return Algebra::multiply_lower(test::upload(wide), test::upload(wide));
          }) == "multiply_lower: the matrix is (3, 4)");
}

TEST_CASE("Products of shapes that do not fit are refused with both", "[solver]") {
  const Matrix<double> a = random_matrix(3, 4, 1);
  REQUIRE(message_of<DimensionMismatch>([&] { return multiply(a, a); }) == "multiply: (3, 4) times (3, 4)");
}

TEMPLATE_TEST_CASE("A column of a product is bitwise the same whatever columns stand beside it", "[solver]", float,
                   double) {
  if (diffarch::detail::blas_multiplies) {
    WARN("BLAS promises no bits: not tested");
    return;
  }
  std::mt19937 engine(7);
  const auto draw = [&](Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(engine); };
  for (int trial = 0; trial < 60; ++trial) {
    const Index rows = trial % 4 == 0 ? draw(1, 4) : draw(1, 300);
    const Index depth = trial % 3 == 0 ? draw(1, 4) : draw(1, 800);
    const Index columns = trial % 5 == 0 ? draw(257, 600) : draw(2, 100);
    const Matrix<TestType> a = random_matrix<TestType>(rows, depth, static_cast<unsigned>(trial));
    const Matrix<TestType> b = random_matrix<TestType>(depth, columns, static_cast<unsigned>(trial) + 1000);
    const Matrix<TestType> transposed = a.transpose();
    const ThreadCount guard(1 + trial % 2);
    const Matrix<TestType> all = multiply(a, b);
    const Matrix<TestType> all_transposed = multiply_transposed(transposed, b);
    INFO(rows << " x " << depth << " x " << columns);
    for (int part = 0; part < 4; ++part) {
      const Index count = part == 0 ? 1 : draw(1, columns);
      const Index first = draw(0, columns - count);
      const ThreadCount other(2 - trial % 2);
      // As a block of the larger batch and as a batch of its own, which may be aligned otherwise.
      const Matrix<TestType> copy = b.middleCols(first, count);
      const Matrix<TestType> expected = all.middleCols(first, count);
      REQUIRE(bitwise_equal(multiply(a, copy), expected));
      if constexpr (test::on_host) REQUIRE(bitwise_equal(Algebra::multiply(a, b.middleCols(first, count)), expected));
      REQUIRE(bitwise_equal(multiply_transposed(transposed, copy),
                            Matrix<TestType>(all_transposed.middleCols(first, count))));
    }
  }
}

TEMPLATE_TEST_CASE("Centred products equal their definitions in long double", "[solver]", float, double) {
  for (const auto& [d, n] : std::vector<std::pair<Index, Index>>{{3, 5}, {600, 7}, {5, 1100}, {140, 130}}) {
    INFO(d << " x " << n);
    const Batch<TestType> x = test::correlated_samples<TestType>(d, n, 3);
    const Vector<double> mean = x.template cast<double>().rowwise().mean();
    const LongMatrix centred = x.template cast<long double>().colwise() - mean.cast<long double>().eval();
    const LongMatrix transposed = centred.transpose();
    const auto placed = test::upload(x);
    const Matrix<double> gram = test::download(Algebra::centred_gram(placed, mean));
    const Matrix<double> uncentred = test::download(Algebra::gram(placed));
    const LongMatrix exact = x.template cast<long double>();
    REQUIRE(within_rounding(uncentred, naive_product(LongMatrix(exact.transpose()), exact), d + 2));
    const Matrix<double> scatter = test::download(Algebra::centred_scatter(placed, mean));
    // Centring in double adds one rounding to each factor; the sums are in double for float data too.
    REQUIRE(within_rounding(gram, naive_product(transposed, centred), d + 2));
    REQUIRE(within_rounding(scatter, naive_product(centred, transposed), n + 2));
    REQUIRE(bitwise_equal(gram, Matrix<double>(gram.transpose())));
    REQUIRE(bitwise_equal(scatter, Matrix<double>(scatter.transpose())));

    const Matrix<TestType> w = random_matrix<TestType>(n, 6, 4);
    REQUIRE(within_rounding(test::download(Algebra::centred_multiply(placed, mean, test::upload(w))),
                            naive_product(centred, w), n + 2));
  }
}

TEMPLATE_TEST_CASE("Coordinates of a vector are its products with the columns", "[solver]", float, double) {
  for (const auto& [d, columns] : std::vector<std::pair<Index, Index>>{{1, 1}, {7, 3}, {600, 40}, {5, 0}}) {
    const Matrix<TestType> u = random_matrix<TestType>(d, columns, 5);
    const Vector<double> v = random_matrix<TestType>(d, 1, 6).template cast<double>();
    const LongMatrix transposed = u.transpose().template cast<long double>();
    const Vector<TestType> coordinates = Algebra::coordinates(test::upload(u), v).template cast<TestType>();
    REQUIRE(within_rounding(coordinates, naive_product(transposed, v), d));
  }
}

TEMPLATE_TEST_CASE("Centred products are bitwise the same for one and two threads", "[solver]", float, double) {
  const Batch<TestType> x = test::correlated_samples<TestType>(700, 300, 3);
  const Vector<double> mean = x.template cast<double>().rowwise().mean();
  const Matrix<TestType> w = random_matrix<TestType>(300, 20, 4);
  const auto all = [&](int threads) {
    const ThreadCount guard(threads);
    const auto placed = test::upload(x);
    return std::make_tuple(test::download(Algebra::centred_gram(placed, mean)),
                           test::download(Algebra::centred_scatter(placed, mean)),
                           test::download(Algebra::centred_multiply(placed, mean, test::upload(w))));
  };
  const auto [gram1, scatter1, product1] = all(1);
  const auto [gram2, scatter2, product2] = all(2);
  REQUIRE(bitwise_equal(gram1, gram2));
  REQUIRE(bitwise_equal(scatter1, scatter2));
  REQUIRE(bitwise_equal(product1, product2));
}

/// Eigenvalues and eigenvectors, on the host.
SymmetricEigen<Cpu> symmetric_eigen(const Matrix<double>& matrix) {
  const auto eigen = Algebra::symmetric_eigen(test::upload(matrix));
  return {eigen.values, test::download(eigen.vectors)};
}

TEST_CASE("The eigendecomposition is orthonormal, decreasing and gives the matrix back", "[solver]") {
  const Index size = 60;
  const Matrix<double> root = random_matrix(size, 20, 5);  // rank 20: singular
  const Matrix<double> matrix = root * root.transpose();
  const auto eigen = symmetric_eigen(matrix);
  for (Index i = 1; i < size; ++i) REQUIRE(eigen.values(i - 1) >= eigen.values(i));
  // Backward stability of the QR iteration: a modest multiple of size * eps relative to the norm.
  const double tolerance = 10.0 * real(size) * std::numeric_limits<double>::epsilon();
  const Matrix<double> gram = eigen.vectors.transpose() * eigen.vectors;
  REQUIRE((gram - Matrix<double>::Identity(size, size)).cwiseAbs().maxCoeff() < tolerance);
  const Matrix<double> rebuilt = eigen.vectors * eigen.values.asDiagonal() * eigen.vectors.transpose();
  REQUIRE((rebuilt - matrix).cwiseAbs().maxCoeff() < tolerance * eigen.values(0));
}

TEST_CASE("The largest entry of an eigenvector is positive, the first of equal ones", "[solver]") {
  for (const Index size : {1, 2, 25, 300}) {  // on both sides of a block of threads
    const Matrix<double> root = random_matrix(size, size, 6);
    const Matrix<double> vectors = symmetric_eigen(Matrix<double>(root + root.transpose())).vectors;
    REQUIRE(bitwise_equal(Matrix<double>(vectors.colwise().maxCoeff()),
                          Matrix<double>(vectors.cwiseAbs().colwise().maxCoeff())));
  }
  // Eigenvectors (1, -1) and (1, 1, 1, 1), (1, 1, -1, -1), (1, -1, 1, -1), (1, -1, -1, 1), whose entries have one
  // magnitude to rounding.
  const Matrix<double> tied = symmetric_eigen(Matrix<double>{{0.1, -0.1}, {-0.1, 0.1}}).vectors / std::sqrt(0.5);
  REQUIRE(relative_difference(tied, Matrix<double>{{1.0, 1.0}, {-1.0, 1.0}}) < 1e-15 * 10);
  const Matrix<double> signs{{1, 1, 1, 1}, {1, 1, -1, -1}, {1, -1, 1, -1}, {1, -1, -1, 1}};
  const Matrix<double> matrix = signs * Vector<double>{{0.7, 0.5, 0.3, 0.1}}.asDiagonal() * signs.transpose();
  REQUIRE(relative_difference(symmetric_eigen(matrix).vectors, signs / 2.0) < 1e-14);
}

TEST_CASE("A matrix with NaN has no eigendecomposition and the error says so", "[solver]") {
  Matrix<double> matrix = Matrix<double>::Identity(4, 4);
  matrix(2, 1) = matrix(1, 2) = std::nan("");
  REQUIRE(message_of<NumericalError>([&] { return symmetric_eigen(matrix); }) ==
          "symmetric_eigen: no convergence for a (4, 4) matrix");
}

TEMPLATE_TEST_CASE("A product with its own transpose is symmetric and is added to a lower triangle", "[solver]", float,
                   double) {
  for (const auto& [rows, columns] : std::vector<std::pair<Index, Index>>{{1, 1}, {7, 3}, {150, 40}, {3, 0}}) {
    const Matrix<TestType> a = random_matrix<TestType>(rows, columns, 8);
    const Matrix<TestType> transposed = a.transpose();
    const Matrix<TestType> product = test::download(Algebra::multiply_by_transpose(test::upload(a)));
    REQUIRE(within_rounding(product, naive_product(a, transposed), columns));
    REQUIRE(bitwise_equal(product, Matrix<TestType>(product.transpose())));
    const Matrix<TestType> before = random_matrix<TestType>(rows, rows, 9);
    test::Storage<TestType> sum = test::upload(before);
    Algebra::add_multiply_by_transpose(sum, test::upload(a));
    const Matrix<TestType> after = test::download(sum);
    const Matrix<double> difference = (after - before - product).template cast<double>();
    // Another order of the sum: its rounding and that of the last addition, of values below 10.
    REQUIRE(difference.template triangularView<Eigen::Lower>().toDenseMatrix().cwiseAbs().maxCoeff() <=
            real(columns + 4) * 10.0 * static_cast<double>(std::numeric_limits<TestType>::epsilon()));
  }
  const auto wide = test::upload(random_matrix<TestType>(3, 4, 1));
  auto narrow = test::upload(random_matrix<TestType>(2, 2, 1));
  REQUIRE(message_of<DimensionMismatch>([&] { Algebra::add_multiply_by_transpose(narrow, wide); }) ==
          "add_multiply_by_transpose: (2, 2) and (3, 4)");
}

TEMPLATE_TEST_CASE("Cholesky factors give the matrix back and solve with it, column by column", "[solver]", float,
                   double) {
  const double epsilon = static_cast<double>(std::numeric_limits<TestType>::epsilon());
  for (const auto& [size, columns] :
       std::vector<std::pair<Index, Index>>{{1, 1}, {5, 200}, {90, 7}, {40, 0}, {128, 3}, {129, 2}, {300, 33}}) {
    INFO(size << ", " << columns);
    const Matrix<double> root = random_matrix(size, 2 * size, 10);
    const Matrix<TestType> matrix =
        (root * root.transpose() / real(size) + Matrix<double>::Identity(size, size)).template cast<TestType>();
    const auto factor = Algebra::cholesky(test::upload(matrix));
    const Matrix<TestType> l = test::download(factor);
    {
      const ThreadCount one(1);
      REQUIRE(bitwise_equal(test::download(Algebra::cholesky(test::upload(matrix))), l));
    }
    REQUIRE(l.template triangularView<Eigen::StrictlyUpper>().toDenseMatrix().isZero(0.0));
    REQUIRE(relative_difference(l * l.transpose(), matrix) < 10.0 * real(size) * epsilon);  // backward stable
    const Matrix<TestType> b = random_matrix<TestType>(size, columns, 11);
    const Matrix<TestType> x = test::download(Algebra::cholesky_solve(factor, test::upload(b)));
    REQUIRE(x.cols() == columns);
    if (columns == 0) continue;
    REQUIRE(relative_difference(matrix * x, b) < 100.0 * real(size) * epsilon);  // condition below 10
    const Matrix<TestType> last = b.rightCols(1);
    REQUIRE(bitwise_equal(test::download(Algebra::cholesky_solve(factor, test::upload(last))),
                          Matrix<TestType>(x.rightCols(1))));
  }
}

TEST_CASE("Cholesky refuses what is not positive definite and shapes that do not fit", "[solver]") {
  const Matrix<double> indefinite{{1.0, 2.0}, {2.0, 1.0}};
  REQUIRE_THAT(message_of<NumericalError>([&] { return Algebra::cholesky(test::upload(indefinite)); }),
               ContainsSubstring("cholesky: a (2, 2) matrix is not positive definite"));
  Matrix<double> late = Matrix<double>::Identity(200, 200);
  late(150, 150) = -1.0;
  REQUIRE_THAT(message_of<NumericalError>([&] { return Algebra::cholesky(test::upload(late)); }),
               ContainsSubstring("cholesky: a (200, 200) matrix is not positive definite"));
  REQUIRE(message_of<DimensionMismatch>([&] { return Algebra::cholesky(test::upload(random_matrix(2, 3, 1))); }) ==
          "cholesky: the matrix is (2, 3)");
  REQUIRE(message_of<DimensionMismatch>([&] {
            return Algebra::cholesky_solve(test::upload(Matrix<double>::Identity(2, 2)),
                                           test::upload(random_matrix(3, 1, 1)));
          }) == "cholesky_solve: (2, 2) and (3, 1)");
}

TEMPLATE_TEST_CASE("The mean of columns has no rounding of its sum left", "[solver]", float, double) {
  // Far from zero: a sum of 1000 numbers of 1e4 rounds to 1e-9 of one of them.
  const Batch<TestType> x = (random_matrix<TestType>(70, 1000, 31).array() + TestType(1e4)).matrix();
  const LongMatrix expected = x.template cast<long double>().rowwise().mean();
  REQUIRE((Algebra::mean(test::upload(x)).template cast<long double>() - expected).cwiseAbs().maxCoeff() < 4e-12L);
  const Batch<TestType> constant = x.col(0).replicate(1, 777);
  REQUIRE(bitwise_equal(Matrix<double>(Algebra::mean(test::upload(constant))),
                        Matrix<double>(x.col(0).template cast<double>())));
  REQUIRE(Algebra::mean(test::upload(x.col(0))) == Vector<double>(x.col(0).template cast<double>()));
}

}  // namespace
}  // namespace diffarch
