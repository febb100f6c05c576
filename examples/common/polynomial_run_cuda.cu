#include "diffarch/cuda/cuda.hpp"
#include "polynomial_run_impl.hpp"

namespace figures {

FIGURES_RANDOM_POLYNOMIALS(Cuda);
FIGURES_SPECTRAL_POLYNOMIALS(Cuda);

}  // namespace figures
