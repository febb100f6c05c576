#pragma once

// Posterior means of known data, `Ideal`, `PatchPosterior` with its members `LocalScore` and `EquivariantLocalScore`, and
// `GaussianMixtureScore`, with all that samples them. Needs Eigen.

#include "diffarch/data/gaussian_mixture.hpp"
#include "diffarch/data/gaussian_mixture_fit.hpp"
#include "diffarch/denoiser/blend.hpp"
#include "diffarch/denoiser/gaussian_mixture_score.hpp"
#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/patch_posterior.hpp"
#include "diffarch/denoiser/posterior/conditioned_ideal.hpp"
#include "diffarch/denoiser/posterior/conditioned_mixture.hpp"
#include "diffarch/denoiser/posterior/posterior_weights.hpp"
#include "diffarch/denoiser/wiener_patch_sizes.hpp"
#include "diffarch/sampling.hpp"
