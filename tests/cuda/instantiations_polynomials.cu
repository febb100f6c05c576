// Compiled, not run: the polynomials on the device.

#include "cuda/instantiations.hpp"
#include "diffarch/denoiser/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/random_feature_denoiser.hpp"
#include "diffarch/denoiser/spectral_polynomial_denoiser.hpp"

void instantiate_polynomials() {
  using namespace diffarch;
  test::instantiate(Polynomial<3>{});
  test::instantiate(Polynomial<3, Conservative>{});
  test::instantiate(Polynomial<3, RandomFeatures<ExactAverage>>{});
  test::instantiate(Polynomial<3, RandomFeatures<SingleDraw>>{});
  test::instantiate(Polynomial<3, RandomFeatures<Legacy>>{});
  test::instantiate(Polynomial<3, SpectralFeatures<Monomials>>{});
  test::instantiate(Polynomial<3, SpectralFeatures<Conservative>>{});
  test::instantiate(PatchPolynomial<3, ExactAverage>{});
  test::instantiate(PatchPolynomial<3, SingleDraw>{});
  test::instantiate(PatchPolynomial<3, Legacy>{});
}
