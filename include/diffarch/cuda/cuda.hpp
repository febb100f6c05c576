#pragma once

// The CUDA backend: include it beside diffarch/diffarch.hpp in source files that nvcc compiles, and give `Cuda` where
// `Cpu` stood. Needs the target diffarch::cuda.

#include "diffarch/cuda/backend.hpp"
#include "diffarch/cuda/batch_norm.hpp"
#include "diffarch/cuda/blas.hpp"
#include "diffarch/cuda/buffer.hpp"
#include "diffarch/cuda/context.hpp"
#include "diffarch/cuda/convolution.hpp"
#include "diffarch/cuda/device_array.hpp"
#include "diffarch/cuda/error.hpp"
#include "diffarch/cuda/factorisation.hpp"
#include "diffarch/cuda/fully_connected.hpp"
#include "diffarch/cuda/launch.hpp"
#include "diffarch/cuda/layer_functors.hpp"
#include "diffarch/cuda/linear_algebra.hpp"
#include "diffarch/cuda/network_kernels.hpp"
#include "diffarch/cuda/random.hpp"
#include "diffarch/cuda/reduction.hpp"
#include "diffarch/cuda/transposed_convolution.hpp"
#ifdef DIFFARCH_HAS_CUDNN
#include "diffarch/cuda/cudnn_convolution.hpp"
#endif
