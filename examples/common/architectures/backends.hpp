#pragma once

#include <string>
#include <type_traits>

#include "diffarch/core/backend.hpp"

// Programs are compiled by the host's compiler and know the backend `Cuda` by name only. What runs there is declared
// for any backend B in the headers of this folder, and instantiated for Cpu and Cuda as table.hpp says.

namespace diffarch {
struct Cuda;
}

namespace figures {

/// Whether the instances for Cuda are part of this build.
inline constexpr bool has_cuda = FIGURES_HAVE_CUDA;

/// Throws Error where --backend cuda cannot work: built without it (no_cuda.cpp), no driver, no GPU (CudaError).
void require_cuda();

/// Throws what `require_cuda` throws where --backend cannot work: before anything is read or written.
inline void require_backend(const std::string& backend) {
  if (backend == "cuda") require_cuda();
}

/// Returns body(std::type_identity<B>{}) with the backend B of --backend. Throws what `require_cuda` throws.
template <class Body>
auto on_backend(const std::string& backend, const Body& body) {
  require_backend(backend);
  if constexpr (has_cuda)
    if (backend == "cuda") return body(std::type_identity<diffarch::Cuda>{});
  return body(std::type_identity<diffarch::Cpu>{});
}

}  // namespace figures
