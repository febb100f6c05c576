#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/sampler/predicted_distribution.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

int main() {
  const auto model = fit(Ideal{}, Batch<float>(Batch<float>::Identity(2, 2)), CosineSchedule{});
  const auto predicted = predicted_distribution(model, CosineSchedule{});
}
