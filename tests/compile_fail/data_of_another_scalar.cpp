#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

int main() {
  diffarch::DiffusionSampler<diffarch::Linear, diffarch::CosineSchedule> sampler{diffarch::Linear{}};  // float
  sampler.fit(diffarch::Batch<double>(diffarch::Batch<double>::Identity(2, 2)));
}
