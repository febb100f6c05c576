#pragma once

// The CUDA room: everything that runs on an NVIDIA GPU. Include it beside diffarch/diffarch.hpp in a program that nvcc
// compiles. No header outside this room reaches it.

#include "diffarch/cuda/backend.hpp"
#include "diffarch/cuda/blas.hpp"
#include "diffarch/cuda/context.hpp"
#include "diffarch/cuda/device_array.hpp"
#include "diffarch/cuda/error.hpp"
#include "diffarch/cuda/factorisation.hpp"
#include "diffarch/cuda/gaussian_mixture_denoiser.hpp"
#include "diffarch/cuda/ideal_denoiser.hpp"
#include "diffarch/cuda/launch.hpp"
#include "diffarch/cuda/linear_algebra.hpp"
#include "diffarch/cuda/local_score_denoiser.hpp"
#include "diffarch/cuda/panels.hpp"
#include "diffarch/cuda/patch_posterior.hpp"
#include "diffarch/cuda/random.hpp"
#include "diffarch/cuda/reduction.hpp"
