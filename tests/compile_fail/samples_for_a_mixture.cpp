// The score of a Gaussian mixture is made of the mixture, not of samples.
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

int main() {
  const auto model = fit(GaussianMixtureScore{}, Batch<float>(Batch<float>::Identity(2, 2)), CosineSchedule{});
}
