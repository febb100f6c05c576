#pragma once

#ifdef DIFFARCH_HAS_ONEDNN
#include "diffarch/nn/onednn_kernels.hpp"
#else
#include "diffarch/nn/eigen_kernels.hpp"
#endif

namespace diffarch::nn {

/// The kernels that layers use unless told otherwise: oneDNN's when the program links diffarch::onednn (with bf16
/// convolutions when DIFFARCH_BF16 is defined), else Eigen's.
#if defined(DIFFARCH_HAS_ONEDNN) && defined(DIFFARCH_BF16)
using DefaultKernels = OneDnnBf16Kernels;
#elif defined(DIFFARCH_HAS_ONEDNN)
using DefaultKernels = OneDnnKernels;
#else
using DefaultKernels = EigenKernels;
#endif

}  // namespace diffarch::nn
