// Compiled, not run: the closed forms and memory-based denoisers on the device.

#include "cuda/instantiations.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/rank_k.hpp"

void instantiate_closed_forms() {
  using namespace diffarch;
  test::instantiate(Linear{});
  test::instantiate(Ideal{});
  test::instantiate(LocalScore{});
  test::instantiate(EquivariantLocalScore{});
}
