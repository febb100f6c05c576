#include "diffarch/denoiser/spectral_features.hpp"

#include "support.hpp"

using namespace diffarch;

TEST_CASE("Spectral feature policies say what they are", "[denoiser]") {
  CHECK(Polynomial<3, SpectralFeatures<>>{}.name() == "Polynomial<3, 512 spectral features, conservative, bounded>");
  CHECK(Polynomial<3, SpectralFeatures<Monomials>>{}.name() == "Polynomial<3, 512 spectral features>");
  CHECK(SpectralFeatures<Monomials>{}.ridges.front() > SpectralFeatures<>{}.ridges.front());
}
