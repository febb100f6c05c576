#pragma once

#include "diffarch/denoiser/monomial_denoiser.hpp"
#include "placed_model.hpp"

// Polynomials on all monomials on any backend, see backends.hpp. Defined in monomial_run_impl.hpp; for Cpu in
// placed_model.cpp, for Cuda in placed_model_cuda.cu.

namespace figures {

/// A fitted polynomial, which samples on backend B. Its fits are made on the host whatever the backend, in extended
/// precision.
template <class B, bool is_conservative>
[[nodiscard]] PlacedModelPointer<double> placed_monomials(
    const diffarch::MonomialDenoiser<double, is_conservative>& model, const std::string& architecture,
    const diffarch::CosineSchedule& schedule);

}  // namespace figures
