#include "diffarch/denoiser/posterior/window_sums.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Window sums are sums over windows", "[denoiser][local]") {
  for (const Index count : {Index{1}, Index{5}, Index{16}})
    for (const Index stride : {Index{1}, Index{3}, Index{16}})
      for (Index width = 1; width <= 20; ++width) {
        const Matrix<double> line = test::random_matrix(stride, count + width - 1, 7);
        Matrix<double> scratch = line;
        Matrix<double> sums(stride, count);
        detail::window_sums(scratch.data(), sums.data(), count, stride, width);
        for (Index p = 0; p < count; ++p)
          REQUIRE((sums.col(p) - line.middleCols(p, width).rowwise().sum()).cwiseAbs().maxCoeff() < 1e-13);
      }
}

TEST_CASE("A window of small values next to large ones keeps its digits", "[denoiser][local]") {
  Vector<float> line = Vector<float>::Constant(40, 1e-6F);
  line.head(20).setConstant(1e6F);
  Vector<float> sums(34);
  detail::window_sums(line.data(), sums.data(), 34, 1, 7);
  REQUIRE(sums(33) == Approx(7e-6).epsilon(1e-6));
}

TEST_CASE("Weighted window sums are weighted sums over windows", "[denoiser][local]") {
  const std::vector<double> weights = {0.5, -1.0, 2.0};
  const Matrix<double> line = test::random_matrix(4, 9, 3);  // 9 entries of 4 values
  Matrix<double> sums(4, 7);
  detail::weighted_window_sums(line.data(), sums.data(), 7, 4, weights);
  for (Index p = 0; p < 7; ++p)
    REQUIRE((sums.col(p) - (0.5 * line.col(p) - line.col(p + 1) + 2.0 * line.col(p + 2))).cwiseAbs().maxCoeff() <
            1e-15);
}

}  // namespace
}  // namespace diffarch
