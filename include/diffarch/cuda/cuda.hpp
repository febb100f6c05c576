#pragma once

// The CUDA backend: include it beside diffarch/diffarch.hpp in source files that nvcc compiles, and give `Cuda` where
// `Cpu` stood. Needs the target diffarch::cuda. No header outside this room reaches it.

#include "diffarch/cuda/backend.hpp"
#include "diffarch/cuda/batch_norm.hpp"
#include "diffarch/cuda/blas.hpp"
#include "diffarch/cuda/buffer.hpp"
#include "diffarch/cuda/context.hpp"
#include "diffarch/cuda/convolution.hpp"
#include "diffarch/cuda/device_array.hpp"
#include "diffarch/cuda/error.hpp"
#include "diffarch/cuda/factorisation.hpp"
#include "diffarch/cuda/feature_arrays.hpp"
#include "diffarch/cuda/fully_connected.hpp"
#include "diffarch/cuda/gaussian_mixture_denoiser.hpp"
#include "diffarch/cuda/ideal_denoiser.hpp"
#include "diffarch/cuda/lanes.hpp"
#include "diffarch/cuda/launch.hpp"
#include "diffarch/cuda/layer_functors.hpp"
#include "diffarch/cuda/linear_algebra.hpp"
#include "diffarch/cuda/local_score_denoiser.hpp"
#include "diffarch/cuda/monomial_denoiser.hpp"
#include "diffarch/cuda/network_kernels.hpp"
#include "diffarch/cuda/panels.hpp"
#include "diffarch/cuda/patch_polynomial_denoiser.hpp"
#include "diffarch/cuda/patch_posterior.hpp"
#include "diffarch/cuda/power_features.hpp"
#include "diffarch/cuda/random.hpp"
#include "diffarch/cuda/random_feature_fit.hpp"
#include "diffarch/cuda/recording.hpp"
#include "diffarch/cuda/reduction.hpp"
#include "diffarch/cuda/transposed_convolution.hpp"
#include "diffarch/cuda/window_groups.hpp"

#ifdef DIFFARCH_HAS_CUDNN
#include "diffarch/cuda/cudnn_convolution.hpp"
#endif
