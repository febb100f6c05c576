#pragma once

#include <string>
#include <type_traits>

#include "diffarch/core/backend.hpp"

// Figure programs are compiled by the host's compiler and know the backend `Cuda` by name only. What runs there is
// declared for any backend B in *_run.hpp, defined in *_run_impl.hpp, and instantiated for Cpu in .cpp files and for
// Cuda in .cu files.

namespace diffarch {
struct Cuda;
}

namespace figures {

/// Whether the .cu files are part of this build.
inline constexpr bool has_cuda = FIGURES_HAVE_CUDA;

/// Throws Error where --backend cuda cannot work: built without it (no_cuda.cpp), no driver, no GPU (CudaError).
void require_cuda();

/// Throws what `require_cuda` throws where --backend cannot work: before anything is read or written.
inline void require_backend(const std::string& backend) {
  if (backend == "cuda") require_cuda();
}

/// Calls body(std::type_identity<B>{}) with the backend B of --backend. Throws what `require_cuda` throws.
template <class Body>
void on_backend(const std::string& backend, const Body& body) {
  if (backend != "cuda") {
    body(std::type_identity<diffarch::Cpu>{});
    return;
  }
  require_backend(backend);
  if constexpr (has_cuda) body(std::type_identity<diffarch::Cuda>{});
}

}  // namespace figures
