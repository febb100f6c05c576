#include "diffarch/denoiser/polynomial/level_fits.hpp"

#include "support.hpp"

using namespace diffarch;

TEST_CASE("Fits are found at their own level, in any coordinates", "[denoiser]") {
  detail::LevelFits<int> fits;
  fits.add(NoiseLevel::from_sigma(2.0), 7);
  fits.add(NoiseLevel::from_sigma(1.0), 8);
  REQUIRE(fits.find(NoiseLevel::from_sigma(1.0)) != nullptr);
  CHECK(*fits.find(NoiseLevel::from_sigma(1.0)) == 8);
  CHECK(fits.find(NoiseLevel::from_sigma(1.5)) == nullptr);
  CHECK(fits.find(NoiseLevel::from_sigma(1.0 + 1e-6)) == nullptr);
  REQUIRE(fits.find(NoiseLevel::from_sigma(1.0).variance_preserving()) != nullptr);
  CHECK(*fits.find(NoiseLevel::from_sigma(1.0).variance_preserving()) == 8);
  // Of two that are nearly the same, the very one.
  fits.add(NoiseLevel::from_sigma(2.0 + 1e-12), 9);
  CHECK(*fits.find(NoiseLevel::from_sigma(2.0)) == 7);
  CHECK(*fits.find(NoiseLevel::from_sigma(2.0 + 1e-12)) == 9);
}
