// The Fitter is for float, the model it returns for double.
#include <string>

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

struct Mine {
  [[nodiscard]] std::string name() const { return "Mine"; }
};

struct Model {
  using Scalar = double;
  using BackendType = Cpu;
  [[nodiscard]] Index dimension() const { return 4; }
  [[nodiscard]] Batch<double> denoise(const Batch<double>& y, NoiseLevel) const { return y; }
};

template <>
struct diffarch::Fitter<Mine, Cpu, float> {
  static Model fit(const Mine&, const Batch<float>&, const NoiseLevels&, const ProgressCallback&) { return {}; }
};

int main() { DiffusionSampler<Mine, CosineSchedule> sampler{Mine{}, CosineSchedule{}}; }
