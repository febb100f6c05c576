// denoise takes a sigma, as in EDM.
#include <string>

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

struct Mine {
  [[nodiscard]] std::string name() const { return "Mine"; }
};

struct Model {
  using Scalar = float;
  using BackendType = Cpu;
  [[nodiscard]] Index dimension() const { return 4; }
  [[nodiscard]] Batch<float> denoise(const Batch<float>& y, double) const { return y; }
};

template <>
struct diffarch::Fitter<Mine, Cpu, float> {
  static Model fit(const Mine&, const Batch<float>&, const NoiseLevels&, const ProgressCallback&) { return {}; }
};

int main() { DiffusionSampler<Mine, CosineSchedule> sampler{Mine{}, CosineSchedule{}}; }
