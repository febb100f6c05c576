#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

struct Leap {};

int main() {
  diffarch::DiffusionSampler<diffarch::Linear, diffarch::CosineSchedule, diffarch::Cpu, Leap> sampler{
      diffarch::Linear{}};
}
