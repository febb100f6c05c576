// The ideal denoiser has no eigenmodes whose variance could be corrected.
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/variance_exact_ddim.hpp"
#include "diffarch/schedule/cosine.hpp"

int main() {
  diffarch::DiffusionSampler<diffarch::Ideal, diffarch::CosineSchedule, diffarch::Cpu, diffarch::VarianceExactDdim>
      sampler{diffarch::Ideal{}};
  sampler.fit(diffarch::Batch<float>(diffarch::Batch<float>::Identity(2, 2)));
  static_cast<void>(sampler.sample(1, diffarch::Seed{}));
}
