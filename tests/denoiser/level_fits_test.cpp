#include "diffarch/denoiser/level_fits.hpp"

#include "support.hpp"

using namespace diffarch;

TEST_CASE("Fits are found at exactly their own level", "[denoiser]") {
  detail::LevelFits<int> fits;
  fits.add(NoiseLevel::from_sigma(2.0), 7);
  fits.add(NoiseLevel::from_sigma(1.0), 8);
  REQUIRE(fits.find(NoiseLevel::from_sigma(1.0)) != nullptr);
  CHECK(*fits.find(NoiseLevel::from_sigma(1.0)) == 8);
  CHECK(fits.find(NoiseLevel::from_sigma(1.5)) == nullptr);
  CHECK(fits.find(NoiseLevel::from_sigma(1.0).variance_preserving()) == nullptr);
}
