#include "polynomial_run_impl.hpp"

namespace figures {

FIGURES_SPECTRAL_POLYNOMIALS(Cpu);

}  // namespace figures
