#include <string>

#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

struct Euler {
  [[nodiscard]] std::string name() const { return "Euler"; }
  [[nodiscard]] double stochasticity() const { return 0.0; }
  template <Denoiser M>
  void advance(const M&, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel, NoiseLevel) const {
    y = x0_hat;
  }
};

int main() { DiffusionSampler sampler{Ideal{}, CosineSchedule{}, Euler{}}; }
