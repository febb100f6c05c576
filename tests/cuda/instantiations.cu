// Compiled, not run: what runs on the device and is in no example program, mostly the other precision.

#include "diffarch/cuda/cuda.hpp"
#include "diffarch/denoiser/conv_unet.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/polynomial/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/sampler/diffusion_sampler.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

namespace {

template <class A>
void fit_and_sample(const A& architecture, const Batch<double>& data) {
  DiffusionSampler<A, CosineSchedule, Cuda, Ddim, double> sampler{architecture};
  sampler.fit(data);
  static_cast<void>(sampler.sample(1, Seed{}));
}

}  // namespace

void instantiate(const Batch<double>& data, const GaussianMixture<double>& mixture) {
  fit_and_sample(Ideal{}, data);
  fit_and_sample(EquivariantLocalScore{}, data);
  fit_and_sample(ConvUNet<1, 4, Padding::circular>{}, data);
  fit_and_sample(Polynomial<3>{}, data);
  fit_and_sample(Polynomial<3, Conservative>{}, data);
  fit_and_sample(Polynomial<3, RandomFeatures<ExactAverage>>{}, data);
  fit_and_sample(PatchPolynomial<3, ExactAverage>{}, data);
  static_cast<void>(fit(GaussianMixtureScore{}, mixture, CosineSchedule{}, Cuda{})
                        .denoise(Cuda::upload(data), NoiseLevel::from_sigma(1.0)));
}
