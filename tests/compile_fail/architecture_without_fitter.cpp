#include <string>

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

struct Unfitted {
  [[nodiscard]] std::string name() const { return "Unfitted"; }
};

int main() { diffarch::DiffusionSampler<Unfitted, diffarch::CosineSchedule> sampler{Unfitted{}}; }
