#include "diffarch/denoiser/posterior/posterior_weight.hpp"

#include <cmath>
#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("Posterior weights and their limit without noise", "[denoiser][ideal]") {
  const double precision = detail::posterior_precision(NoiseLevel{0.8, 0.6});
  REQUIRE(precision == Approx(1.0 / 0.72).epsilon(1e-15));
  REQUIRE(detail::posterior_weight(0.72, precision) == Approx(std::exp(-1.0)).epsilon(1e-15));
  REQUIRE(detail::posterior_weight(0.0, precision) == 1.0);
  const double clean = detail::posterior_precision(NoiseLevel::from_sigma(0.0));
  REQUIRE(std::isinf(clean));
  REQUIRE(detail::posterior_weight(0.0, clean) == 1.0);
  REQUIRE(detail::posterior_weight(1e-300, clean) == 0.0);
  REQUIRE(detail::posterior_weight(79.9, 1.0) == Approx(std::exp(-79.9)).epsilon(1e-15));
  REQUIRE(detail::posterior_weight(80.1, 1.0) == 0.0);
  REQUIRE(std::fpclassify(static_cast<float>(std::exp(-detail::vanishing_exponent)) * 1e-3F) == FP_NORMAL);
  REQUIRE(std::isnan(detail::posterior_weight(std::nan(""), precision)));
  REQUIRE(std::exp(-detail::negligible_exponent) < 0.1 * std::numeric_limits<double>::epsilon());
}

TEST_CASE("A weight is negligible beyond forty exponents", "[denoiser][ideal]") {
  REQUIRE_FALSE(detail::is_negligible(39.0, 1.0));
  REQUIRE(detail::is_negligible(41.0, 1.0));
  const double clean = detail::posterior_precision(NoiseLevel::from_sigma(0.0));
  REQUIRE(detail::is_negligible(1e-300, clean));
  REQUIRE_FALSE(detail::is_negligible(0.0, clean));
  REQUIRE_FALSE(detail::is_negligible(-1.0, clean));
}

TEMPLATE_TEST_CASE("Squared distances from products, and when they are not to be trusted", "[denoiser][ideal]", float,
                   double) {
  const Vector<double> x{{3.0, -1.0, 2.0}};
  const Vector<double> y{{2.5, 0.5, 1.0}};
  const detail::DistancesFromProducts<TestType> distances{0.8, 1.0 / 0.72, x.norm()};
  REQUIRE(distances.squared_distance(y.squaredNorm(), static_cast<TestType>(x.dot(y)), x.squaredNorm()) ==
          Approx((y - 0.8 * x).squaredNorm()).epsilon(1e-14));
  const double error = distances.error(y.squaredNorm());
  REQUIRE(error ==
          Approx(2.0 * static_cast<double>(std::numeric_limits<TestType>::epsilon()) * 0.8 * x.norm() * y.norm()));
  REQUIRE_FALSE(distances.must_be_measured(error));
  REQUIRE(distances.must_be_measured(2e-3));
  REQUIRE(distances.reach(5.0, 0.1) == Approx(5.0 + 40.0 * 0.72 + 0.8).epsilon(1e-14));
  const detail::DistancesFromProducts<TestType> clean{1.0, std::numeric_limits<double>::infinity(), 1.0};
  REQUIRE(clean.must_be_measured(1e-300));
  REQUIRE(clean.reach(5.0, 0.0) == 5.0);
}

}  // namespace
}  // namespace diffarch
