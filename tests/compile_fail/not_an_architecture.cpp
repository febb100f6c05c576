#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

struct NoName {
  int width = 3;
};

int main() { diffarch::DiffusionSampler<NoName, diffarch::CosineSchedule> sampler{NoName{}}; }
