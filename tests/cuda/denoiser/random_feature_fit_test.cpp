#include "diffarch/cuda/denoiser/random_feature_fit.hpp"

#include "cuda/feature_problems.hpp"

namespace diffarch {
namespace {

using cuda::DeviceArray;
using cuda::FeatureLayout;
using test::largest_difference;
using test::lower;
using test::message_of;
using test::noise_of;
using test::random_matrix;

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

TEST_CASE("A covariance without a factor is an error that names the minor", "[cuda]") {
  CHECK(message_of<NumericalError>([] {
          (void)RandomFeatureFit<ExactAverage, Cuda>::fit(3, ExactAverage{.ridge = -2.0},
                                                          DeviceArray<double>::upload(random_matrix(4, 9, 13)),
                                                          noise_of(random_matrix(4, 6, 14)), 0.5);
        }) == "cholesky: a (4, 4) matrix is not positive definite: its leading minor of order 1 is not");
}

}  // namespace
}  // namespace diffarch
