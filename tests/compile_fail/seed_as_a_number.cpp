#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

int main() {
  DiffusionSampler<Ideal, CosineSchedule> sampler{Ideal{}, CosineSchedule{}};
  const auto samples = sampler.sample(16, 7);
}
