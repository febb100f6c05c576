#include "polynomial_row.hpp"
#include "polynomial_run_impl.hpp"

namespace figures {

FIGURES_SPECTRAL_POLYNOMIALS(Cpu);

AnyArchitecture<float> any_polynomial(const Polynomial<3, SpectralFeatures<Conservative>>& architecture) {
  return AnyArchitecture<float>::of(architecture);
}

}  // namespace figures
