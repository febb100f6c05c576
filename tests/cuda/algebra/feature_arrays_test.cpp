#include "diffarch/cuda/algebra/feature_arrays.hpp"

#include <cmath>

#include "cuda/feature_problems.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using cuda::FeatureLayout;
using test::largest_difference;
using test::random_matrix;

TEST_CASE("Entries and elements of a layout agree with where columns lie", "[cuda]") {
  const FeatureLayout layout{3, 4, 5};
  for (Index problem = 0; problem < layout.count; ++problem)
    for (Index sample = 0; sample < layout.n; ++sample)
      for (Index row = 0; row < layout.p; ++row) {
        const Index column = problem * layout.n + sample;
        CHECK(layout.entry(row, column) == problem * layout.p + row);
        CHECK(layout.element(layout.entry(row, column), sample) == column * layout.p + row);
      }
  for (Index column = 0; column < layout.p * layout.count; ++column)
    CHECK(layout.column_in_matrix(column) == column % layout.p);
}

TEST_CASE("Features of problems side by side are powers, scaled and less their means", "[cuda]") {
  const FeatureLayout layout{4, 6, 3};
  const Matrix<double> a = random_matrix(4, layout.columns(), 1);
  const Matrix<double> preactivation_scale = random_matrix(4, 3, 2).array().abs() + 0.5;
  const Matrix<double> feature_scale = random_matrix(4, 3, 3);
  const Matrix<double> mean = random_matrix(4, 3, 4);
  for (const bool divide_by_largest : {false, true}) {
    auto h = DeviceArray<double>::upload(a);
    cuda::power_features_in_place(
        layout, 5, divide_by_largest, h.data(), DeviceArray<double>::upload(preactivation_scale).data(),
        DeviceArray<double>::upload(feature_scale).data(), DeviceArray<double>::upload(mean).data());
    const Matrix<double> features = h.download();
    for (Index column = 0; column < layout.columns(); ++column) {
      const Index problem = column / layout.n;
      const double largest = divide_by_largest ? a.col(column).cwiseAbs().maxCoeff() : 1.0;
      for (Index row = 0; row < layout.p; ++row)
        CHECK(features(row, column) ==
              Approx(feature_scale(row, problem) *
                         std::pow(a(row, column) / largest / preactivation_scale(row, problem), 5) -
                     mean(row, problem))
                  .epsilon(1e-12));
    }
  }
}

TEST_CASE("Solutions of problems side by side solve each, in batches and one by one", "[cuda]") {
  for (const Index p : {5, 257}) {
    Matrix<double> matrices(p, 2 * p);
    for (Index problem = 0; problem < 2; ++problem) {
      const Matrix<double> half = random_matrix(p, p, static_cast<unsigned>(10 + problem));
      matrices.middleCols(problem * p, p) =
          half * half.transpose() / static_cast<double>(p) + Matrix<double>::Identity(p, p);
    }
    const Matrix<double> right = random_matrix(p, 6, 12);
    auto factors = DeviceArray<double>::upload(matrices);
    auto x = DeviceArray<double>::upload(right);
    DeviceArray<int> info(2, 1);
    cuda::factorise_all(p, 2, factors.data(), info.data());
    cuda::solve_all(p, 2, factors.data(), 3, x.data());
    CHECK(info.download().isZero());
    const Matrix<double> solution = x.download();
    for (Index problem = 0; problem < 2; ++problem)
      CHECK(largest_difference(matrices.middleCols(problem * p, p) * solution.middleCols(3 * problem, 3),
                               right.middleCols(3 * problem, 3)) < 1e-12);
  }
}

}  // namespace
}  // namespace diffarch
