#pragma once

// The CUDA backend: include it beside diffarch/diffarch.hpp in source files that nvcc compiles, and give `Cuda` where
// `Cpu` stood. Needs the target diffarch::cuda. No header outside this room reaches it.

#include "diffarch/cuda/algebra/blas.hpp"
#include "diffarch/cuda/algebra/factorisation.hpp"
#include "diffarch/cuda/algebra/feature_arrays.hpp"
#include "diffarch/cuda/algebra/linear_algebra.hpp"
#include "diffarch/cuda/algebra/panels.hpp"
#include "diffarch/cuda/algebra/power_features.hpp"
#include "diffarch/cuda/denoiser/gaussian_mixture_denoiser.hpp"
#include "diffarch/cuda/denoiser/ideal_denoiser.hpp"
#include "diffarch/cuda/denoiser/monomial_denoiser.hpp"
#include "diffarch/cuda/denoiser/patch_polynomial_denoiser.hpp"
#include "diffarch/cuda/denoiser/patch_functors.hpp"
#include "diffarch/cuda/denoiser/patch_posterior_denoiser.hpp"
#include "diffarch/cuda/denoiser/random_feature_fit.hpp"
#include "diffarch/cuda/denoiser/window_groups.hpp"
#include "diffarch/cuda/nn/batch_norm.hpp"
#include "diffarch/cuda/nn/convolution.hpp"
#include "diffarch/cuda/nn/fully_connected.hpp"
#include "diffarch/cuda/nn/layer_functors.hpp"
#include "diffarch/cuda/nn/network_kernels.hpp"
#include "diffarch/cuda/nn/transposed_convolution.hpp"
#include "diffarch/cuda/runtime/backend.hpp"
#include "diffarch/cuda/runtime/buffer.hpp"
#include "diffarch/cuda/runtime/context.hpp"
#include "diffarch/cuda/runtime/device_array.hpp"
#include "diffarch/cuda/runtime/error.hpp"
#include "diffarch/cuda/runtime/lanes.hpp"
#include "diffarch/cuda/runtime/launch.hpp"
#include "diffarch/cuda/runtime/random.hpp"
#include "diffarch/cuda/runtime/recording.hpp"
#include "diffarch/cuda/runtime/reduction.hpp"

#ifdef DIFFARCH_HAS_CUDNN
#include "diffarch/cuda/nn/cudnn_convolution.hpp"
#endif
