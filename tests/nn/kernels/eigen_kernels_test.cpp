#include "diffarch/nn/kernels/eigen_kernels.hpp"

#include "diffarch/nn/layers/convolution.hpp"
#include "nn/gradient_check.hpp"

namespace diffarch {
namespace {

TEST_CASE("Products of Eigen's kernels equal Eigen's, whole or split between threads", "[nn]") {
  const Index m = 70;
  const Index n = 90;
  const Index k = 80;
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true}) {
      if (transpose_a && transpose_b) continue;
      const Matrix<double> a = test::random_matrix(transpose_a ? k : m, transpose_a ? m : k, 1);
      const Matrix<double> b = test::random_matrix(transpose_b ? n : k, transpose_b ? k : n, 2);
      const Matrix<double> start = test::random_matrix(m, n, 3);
      Matrix<double> expected = start;
      for (Index i = 0; i < m; ++i)
        for (Index j = 0; j < n; ++j)
          for (Index l = 0; l < k; ++l)
            expected(i, j) += (transpose_a ? a(l, i) : a(i, l)) * (transpose_b ? b(j, l) : b(l, j));
      Matrix<double> c = start;
      nn::EigenKernels::product(transpose_a, transpose_b, m, n, k, a.data(), a.rows(), b.data(), b.rows(), true,
                                c.data(), m);
      REQUIRE(test::relative_difference(c, expected) < 1e-13);
      c.setConstant(7.0);
      nn::EigenKernels::parallel_product(transpose_a, transpose_b, m, n, k, a.data(), a.rows(), b.data(), b.rows(),
                                         false, c.data(), m);
      REQUIRE(test::relative_difference(c, Matrix<double>(expected - start)) < 1e-13);
    }
}

TEST_CASE("Gradients of Eigen's convolution have the same bits in every run with as many threads", "[nn]") {
  for (const int threads : {1, 2, 3}) {
    const test::ThreadCount count(threads);
    REQUIRE(test::steps_are_deterministic(
        [] {
          return test::random_network(nn::Convolution<float, nn::EigenKernels>(3, 8, Padding::zeros),
                                      ImageShape{40, 40, 3});
        },
        4));
  }
}

}  // namespace
}  // namespace diffarch
