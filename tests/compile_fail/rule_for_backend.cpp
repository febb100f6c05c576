#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

int main() { DiffusionSampler<Ideal, CosineSchedule, Heun> sampler{Ideal{}, CosineSchedule{}, Heun{}}; }
