#include "diffarch/analysis/sample_moments.hpp"

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Mean and covariance of four samples are those worked out by hand", "[analysis]") {
  Batch<double> samples(2, 4);
  samples << 1, 3, 5, 7,  //
      2, 0, 0, -2;
  REQUIRE(sample_mean(samples) == Vector<double>{{4.0, 0.0}});
  // Deviations -3 -1 1 3 and 2 0 0 -2: squares 20 and 8, product -12, over n = 4.
  REQUIRE(sample_covariance(samples) == Matrix<double>{{5.0, -3.0}, {-3.0, 2.0}});
}

TEST_CASE("Moments equal naive sums in long double", "[analysis]") {
  const Batch<double> samples = test::correlated_samples(5, 300, 1);
  const Vector<double> mean = sample_mean(samples);
  const Matrix<double> covariance = sample_covariance(samples);
  for (Index i = 0; i < 5; ++i)
    for (Index j = 0; j < 5; ++j) {
      long double sum_i = 0.0L;
      long double sum_j = 0.0L;
      for (Index k = 0; k < 300; ++k) {
        sum_i += samples(i, k);
        sum_j += samples(j, k);
      }
      long double product = 0.0L;
      for (Index k = 0; k < 300; ++k) product += (samples(i, k) - sum_i / 300.0L) * (samples(j, k) - sum_j / 300.0L);
      // 300 terms: 300 eps = 7e-14 of the variances, which are of order one.
      REQUIRE(mean(i) == Approx(static_cast<double>(sum_i / 300.0L)).margin(1e-13));
      REQUIRE(covariance(i, j) == Approx(static_cast<double>(product / 300.0L)).margin(1e-12));
    }
}

TEST_CASE("Moments of float samples are accumulated in double", "[analysis]") {
  // 10^5 ones and one 2^-10: in float the sum would lose the small one's share.
  Batch<float> samples = Batch<float>::Ones(1, 100001);
  samples(0, 0) = 0x1p-10F;
  REQUIRE(sample_mean(samples)(0) == Approx((100000.0 + 0x1p-10) / 100001.0).epsilon(1e-15));
}

TEST_CASE("An empty batch has no mean", "[analysis]") {
  REQUIRE(test::message_of<InvalidArgument>([] { return sample_mean(Batch<double>(3, 0)); }) ==
          "sample_mean: no samples");
}

}  // namespace
}  // namespace diffarch
