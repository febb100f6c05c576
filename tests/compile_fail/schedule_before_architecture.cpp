#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

int main() { DiffusionSampler<CosineSchedule, Ideal> sampler{CosineSchedule{}, Ideal{}}; }
