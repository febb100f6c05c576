// Compiled by the same command as the files beside it and must succeed, so that they do not fail for another reason.
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/sampler/heun.hpp"
#include "diffarch/schedule/karras.hpp"

int main() {
  diffarch::DiffusionSampler<diffarch::FixedRank<1>, diffarch::KarrasSchedule, diffarch::Cpu, diffarch::Heun, double>
      sampler{diffarch::FixedRank<1>{}};
  sampler.fit(diffarch::Batch<double>(diffarch::Batch<double>::Identity(2, 2)));
}
