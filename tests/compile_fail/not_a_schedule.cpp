#include <vector>

#include "diffarch/denoiser/linear.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"

int main() {
  diffarch::DiffusionSampler<diffarch::Linear, std::vector<double>> sampler{diffarch::Linear{}, {2.0, 1.0, 0.0}};
}
