#pragma once

// Polynomials of all kinds, `Polynomial` and `PatchPolynomial`, with all that samples them. Needs Eigen.

#include "diffarch/denoiser/patch_polynomial.hpp"
#include "diffarch/denoiser/polynomial.hpp"
#include "diffarch/denoiser/polynomial/monomial_denoiser.hpp"
#include "diffarch/denoiser/polynomial/patch_polynomial_denoiser.hpp"
#include "diffarch/denoiser/polynomial/random_feature_denoiser.hpp"
#include "diffarch/denoiser/polynomial/spectral_polynomial_denoiser.hpp"
#include "diffarch/denoiser/random_features.hpp"
#include "diffarch/denoiser/spectral_features.hpp"
#include "diffarch/sampling.hpp"
#include "diffarch/solver/moment_coreset.hpp"
#include "diffarch/solver/moment_table.hpp"
