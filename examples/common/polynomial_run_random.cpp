#include "polynomial_row.hpp"
#include "polynomial_run_impl.hpp"

namespace figures {

FIGURES_RANDOM_POLYNOMIALS(Cpu);

AnyArchitecture<float> any_polynomial(const PatchPolynomial<3>& architecture) {
  return AnyArchitecture<float>::of(architecture);
}

}  // namespace figures
