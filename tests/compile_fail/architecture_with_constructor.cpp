// An architecture is an aggregate: its hyper-parameters are public members.
#include <string>

#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

class Mine {
 public:
  explicit Mine(int k) : k_(k) {}
  [[nodiscard]] std::string name() const { return "Mine" + std::to_string(k_); }

 private:
  int k_;
};

int main() { diffarch::DiffusionSampler<Mine, diffarch::CosineSchedule> sampler{Mine{3}, diffarch::CosineSchedule{}}; }
