#pragma once

// Polynomials of all kinds, `Polynomial` and `PatchPolynomial`, with all that samples them. Needs Eigen.

#include "diffarch/denoiser/monomial_denoiser.hpp"
#include "diffarch/denoiser/patch_polynomial.hpp"
#include "diffarch/denoiser/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/polynomial.hpp"
#include "diffarch/denoiser/random_feature_denoiser.hpp"
#include "diffarch/denoiser/random_features.hpp"
#include "diffarch/denoiser/spectral_features.hpp"
#include "diffarch/denoiser/spectral_polynomial_denoiser.hpp"
#include "diffarch/sampling.hpp"
#include "diffarch/solver/moment_coreset.hpp"
#include "diffarch/solver/moment_table.hpp"
