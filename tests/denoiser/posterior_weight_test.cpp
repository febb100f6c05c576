#include "diffarch/denoiser/posterior_weight.hpp"

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
  REQUIRE(std::isnan(detail::posterior_weight(std::nan(""), precision)));
  REQUIRE(std::exp(-detail::negligible_exponent) < 0.1 * std::numeric_limits<double>::epsilon());
}

}  // namespace
}  // namespace diffarch
