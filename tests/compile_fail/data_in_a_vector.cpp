#include <vector>

#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

int main() {
  const std::vector<float> data(40);
  DiffusionSampler<Ideal, CosineSchedule> sampler{Ideal{}, CosineSchedule{}};
  sampler.fit(data);
}
