// The umbrella header does not bring the CUDA backend.
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

int main() { DiffusionSampler<Ideal, CosineSchedule, Cuda> sampler{Ideal{}, CosineSchedule{}}; }
