#include "diffarch/cuda/algebra/power_features.hpp"

#include <limits>

#include "cuda/feature_problems.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using cuda::FeatureLayout;
using test::largest_difference;
using test::lower;
using test::noise_of;
using test::random_matrix;

void check_moments(const FeatureLayout& layout, const Matrix<double>& mixing, double variance, int degree) {
  INFO("degree " << degree << ", p = " << layout.p << ", n = " << layout.n << ", " << layout.count << " problems");
  const auto [p, n, count] = layout;
  const Matrix<double> a = random_matrix(p, layout.columns(), 1).array() + 0.5;
  DeviceArray<int> overflow(count, 1);
  const auto all = cuda::power_feature_moments(layout, DeviceArray<double>::upload(a), noise_of(mixing), variance,
                                               degree, overflow.data());
  CHECK(overflow.download().isZero());
  const Matrix<double> preactivation_scale = all.preactivation_scale.download();
  const Matrix<double> feature_scale = all.feature_scale.download();
  const Matrix<double> mean = all.mean.download();
  const Matrix<double> sample_means = all.sample_means.download();
  const Matrix<double> covariance = all.covariance.download();
  for (Index problem = 0; problem < count; ++problem) {
    const auto expected = power_feature_moments(Matrix<double>(a.middleCols(problem * n, n)),
                                                Matrix<double>(variance * mixing * mixing.transpose()), degree);
    CHECK(largest_difference(preactivation_scale.col(problem), expected.preactivation_scale) < 1e-14);
    CHECK(test::relative_difference(feature_scale.col(problem), expected.feature_scale) < 1e-12);
    CHECK(largest_difference(mean.col(problem), expected.mean) < 1e-12);
    CHECK(largest_difference(sample_means.middleCols(problem * n, n), expected.sample_means) < 1e-12);
    CHECK(largest_difference(lower(covariance.middleCols(problem * p, p)), lower(expected.covariance)) < 1e-12);
  }
}

TEST_CASE("Moments of problems side by side are the host's, one by one", "[cuda]") {
  for (const int degree : {1, 2, 3, 9, 27})
    for (const Index count : {1, 2, 5}) {
      check_moments({7, 11, count}, 0.3 * random_matrix(7, 9, 2), 0.8, degree);
      check_moments({1, 1, count}, Matrix<double>::Ones(1, 1), 0.5, degree);
    }
  check_moments({67, 131, 1}, 0.1 * random_matrix(67, 70, 3), 0.5, 3);
  check_moments({33, 300, 3}, 0.1 * random_matrix(33, 20, 4), 0.5, 3);
  check_moments({5, 8, 2}, random_matrix(5, 5, 5), 0.0, 3);      // no noise at this level
  check_moments({5, 8, 2}, Matrix<double>::Zero(5, 5), 0.0, 3);  // none at any
  Matrix<double> mixing = Matrix<double>::Identity(6, 6);        // high orders are left out
  mixing(0, 1) = 0.02;
  check_moments({6, 9, 2}, mixing, 0.5, 27);
}

TEST_CASE("Overflow is reported of the problem that overflows", "[cuda]") {
  const FeatureLayout layout{3, 4, 3};
  Matrix<double> a = random_matrix(3, 12, 6);
  a(1, 5) = std::numeric_limits<double>::quiet_NaN();
  DeviceArray<int> overflow(3, 1);
  (void)cuda::power_feature_moments(layout, DeviceArray<double>::upload(a), noise_of(random_matrix(3, 3, 7)), 0.5, 3,
                                    overflow.data());
  CHECK(overflow.download() == Matrix<int>{{0}, {1}, {0}});
}

}  // namespace
}  // namespace diffarch
