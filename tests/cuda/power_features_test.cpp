#include "diffarch/cuda/power_features.hpp"

#include <limits>

#include "diffarch/cuda/random_feature_fit.hpp"
#include "support.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using cuda::FeatureLayout;
using test::message_of;
using test::random_matrix;

Matrix<double> lower(const Matrix<double>& m) { return m.triangularView<Eigen::Lower>(); }

/// Noise whose covariance is that of the rows of `mixing`.
cuda::FeatureNoise noise_of(const Matrix<double>& mixing) {
  return cuda::feature_noise(DeviceArray<double>::upload(Matrix<double>(mixing.transpose())));
}

double largest_difference(const Matrix<double>& a, const Matrix<double>& b) { return (a - b).cwiseAbs().maxCoeff(); }

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

template <class Averaging, class... Arguments>
void check_fits(const FeatureLayout& layout, const Averaging& averaging, const Matrix<double>& a,
                const Arguments&... arguments) {
  using Fit = RandomFeatureFit<Averaging, Cuda>;
  const auto [p, n, count] = layout;
  cuda::FitStatus status(count);
  const Fit all = Fit::fit_all(layout, 3, averaging, DeviceArray<double>::upload(a), arguments..., status, 0);
  CHECK(status.download().isZero());
  const Matrix<double> factor = all.factor.download();
  const Matrix<double> features = all.features.download();
  for (Index problem = 0; problem < count; ++problem) {
    const Matrix<double> own = a.middleCols(problem * n, n);
    const auto alone = [&] {
      if constexpr (Fit::is_exact)
        return Fit::fit(3, averaging, DeviceArray<double>::upload(own), arguments...);
      else
        return Fit::fit(3, averaging, DeviceArray<double>::upload(own), 1.0);
    }();
    CHECK(largest_difference(lower(factor.middleCols(problem * p, p)), lower(alone.factor.download())) < 1e-12);
    CHECK(largest_difference(features.middleCols(problem * n, n), alone.features.download()) < 1e-12);
  }
}

TEST_CASE("Fits of problems side by side are those of each alone, in batches and one by one", "[cuda]") {
  for (const Index p : {6, 257}) {
    const FeatureLayout layout{p, 10, 3};
    const Matrix<double> a = random_matrix(p, layout.columns(), 8);
    check_fits(layout, ExactAverage{.ridge = 1e-2}, a, noise_of(0.1 * random_matrix(p, p + 2, 9)), 0.5);
    check_fits(layout, SingleDraw{.ridge = 1e-2}, a, cuda::filled(p, 3, 1.0));
    check_fits(layout, Legacy{.ridge = 1e-2}, a, cuda::filled(p, 3, 1.0));
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

TEST_CASE("A covariance without a factor is an error that names the minor", "[cuda]") {
  CHECK(message_of<NumericalError>([] {
          (void)RandomFeatureFit<ExactAverage, Cuda>::fit(3, ExactAverage{.ridge = -2.0},
                                                          DeviceArray<double>::upload(random_matrix(4, 9, 13)),
                                                          noise_of(random_matrix(4, 6, 14)), 0.5);
        }) == "cholesky: a (4, 4) matrix is not positive definite: its leading minor of order 1 is not");
}

}  // namespace
}  // namespace diffarch
