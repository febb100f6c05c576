#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

struct Abacus {};

int main() {
  diffarch::DiffusionSampler<diffarch::Linear, diffarch::CosineSchedule, Abacus> sampler{diffarch::Linear{}};
}
