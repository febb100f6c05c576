#pragma once

#ifdef DIFFARCH_HAS_ONEDNN
#include "diffarch/nn/onednn_kernels.hpp"
#else
#include "diffarch/nn/eigen_kernels.hpp"
#endif

namespace diffarch::nn {

/// The kernels that layers use unless told otherwise: oneDNN's when the program links diffarch::onednn, else Eigen's.
#ifdef DIFFARCH_HAS_ONEDNN
using DefaultKernels = OneDnnKernels;
#else
using DefaultKernels = EigenKernels;
#endif

}  // namespace diffarch::nn
