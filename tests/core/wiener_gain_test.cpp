#include "diffarch/core/wiener_gain.hpp"

#include <limits>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("The Wiener gain is the slope of the least-squares regression of x on y", "[core]") {
  // cov(x, y) / var(y) from the joint moments of x ~ N(0, lambda) and y = signal x + noise epsilon, in long double.
  for (const double lambda : {1e-12, 0.3, 1.0, 1e9})
    for (const NoiseLevel level : {NoiseLevel::from_sigma(1e-6), NoiseLevel::from_sigma(80.0),
                                   NoiseLevel::from_alpha_bar(0.5), NoiseLevel::from_alpha_bar(1e-9)}) {
      const long double covariance = static_cast<long double>(lambda) * level.signal;
      const long double variance =
          covariance * level.signal + static_cast<long double>(level.noise) * static_cast<long double>(level.noise);
      // Six roundings, no cancellation.
      REQUIRE(wiener_gain(lambda, level) ==
              Approx(static_cast<double>(covariance / variance)).epsilon(6 * std::numeric_limits<double>::epsilon()));
    }
}

TEST_CASE("The Wiener gain is finite at both ends and for a variance of zero", "[core]") {
  REQUIRE(wiener_gain(2.0, NoiseLevel{}) == 1.0);
  REQUIRE(wiener_gain(2.0, NoiseLevel::from_alpha_bar(0.0)) == 0.0);
  REQUIRE(wiener_gain(0.0, NoiseLevel::from_sigma(1.0)) == 0.0);
  REQUIRE(wiener_gain(0.0, NoiseLevel{}) == 0.0);
  REQUIRE(wiener_gain(0.0, NoiseLevel::from_alpha_bar(0.0)) == 0.0);
}

}  // namespace
}  // namespace diffarch
