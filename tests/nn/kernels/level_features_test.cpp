#include "diffarch/nn/kernels/level_features.hpp"

#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("The features of a level are waves of log sigma", "[nn]") {
  const auto features = nn::level_features(NoiseLevel::from_sigma(std::exp(2.0)));
  for (std::size_t k = 1; k <= 8; ++k) {
    const double angle = 3.14159265358979323846 * static_cast<double>(k) / 8.0;
    CHECK(features[2 * k - 2] == Approx(std::cos(angle)).margin(1e-14));
    CHECK(features[2 * k - 1] == Approx(std::sin(angle)).margin(1e-14));
  }
  CHECK(nn::level_features({0.6, 0.8})[3] == Approx(nn::level_features(NoiseLevel::from_sigma(0.8 / 0.6))[3]));
  // Far out they stay what they are, so that pure noise and clean levels have some.
  const double far = std::exp(8.0);
  CHECK(nn::level_features({0.0, 1.0}) == nn::level_features(NoiseLevel::from_sigma(2.0 * far)));
  CHECK(nn::level_features({1.0, 0.0}) == nn::level_features(NoiseLevel::from_sigma(0.5 / far)));
  CHECK(nn::level_features({1.0, 0.0}) != nn::level_features({0.0, 1.0}));
}
