#include "polynomial_run_impl.hpp"

namespace figures {

FIGURES_RANDOM_POLYNOMIALS(Cpu);

}  // namespace figures
