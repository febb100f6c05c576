#pragma once

#include <concepts>

#include "diffarch/core/backend.hpp"

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

/// `KernelsOf<B>::type`: the kernels that networks on a backend take, a family as `HostKernels` describes it. A backend
/// that gives networks their arithmetic specialises this.
template <class BackendType>
struct KernelsOf;
template <>
struct KernelsOf<Cpu> {
  using type = DefaultKernels;
};

/// A backend that networks can run on: one with kernels for them.
template <class B>
concept NetworkBackend = Backend<B> && requires {
  typename KernelsOf<B>::type;
  requires std::same_as<typename KernelsOf<B>::type::BackendType, B>;
};

}  // namespace diffarch::nn
